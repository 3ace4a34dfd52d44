"""A figure as SVG: presentation attributes only, no scripts, no styles, nothing from elsewhere."""

import math
from html import escape

# A palette that colour-blind people can tell apart (Okabe and Ito, 2008), dark enough for white.
PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6a3d9a", "#444444"]
INK, FAINT, GRID, PAPER = "#1f2328", "#59636e", "#e4e7eb", "#ffffff"
SMALL, NORMAL, LARGE = 11, 12, 15
# How wide a letter is, as a part of its size, on average.
LETTER = 0.56
MARGIN = 0.04
DASHES = {"--": "6 4", "dashed": "6 4", ":": "2 3", "dotted": "2 3", "-.": "6 3 2 3", "dashdot": "6 3 2 3"}
NO_LINE = ("", " ", "none", "None")


def width_of(text, size):
    return len(text) * size * LETTER


def short(value):
    """A coordinate with as many digits as can be seen."""
    return f"{value:.1f}".removesuffix(".0")


class Drawing:
    """The elements of one picture."""

    def __init__(self, figure):
        self.figure = figure
        self.width, self.height = figure.size
        self.parts = []
        self.colors = 0

    def color(self, series):
        if series.color:
            return series.color
        self.colors += 1
        return PALETTE[(self.colors - 1) % len(PALETTE)]

    def put(self, name, content=None, **attributes):
        text = "".join(
            f' {key.replace("_", "-")}="{short(value) if isinstance(value, float) else escape(str(value))}"'
            for key, value in attributes.items()
            if value is not None
        )
        end = "/>" if content is None else f">{escape(content)}</{name}>"
        self.parts.append(f"<{name}{text}{end}")

    def text(self, x, y, content, size=SMALL, fill=FAINT, anchor="middle", turn=None, weight=None):
        transform = f"rotate({turn} {short(x)} {short(y)})" if turn else None
        self.put(
            "text", content, x=float(x), y=float(y), font_size=size, fill=fill, text_anchor=anchor,
            font_weight=weight, transform=transform,
        )

    def draw(self):
        figure = self.figure
        for series in figure.series:
            series.paint = None if series.kind in ("note", "pie") else self.color(series)
        top = self.heading()
        pies = [series for series in figure.series if series.kind == "pie"]
        if pies:
            self.pie(pies[0], top)
        else:
            self.chart(top)
        name = escape(figure.title or "Chart")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{name}" '
            f'font-family="system-ui, -apple-system, Segoe UI, Roboto, sans-serif">'
            f'<rect width="100%" height="100%" fill="{PAPER}"/>' + "".join(self.parts) + "</svg>\n"
        )

    def heading(self):
        """The title, and below it the legend, so that it hides nothing; gives where the rest begins."""
        figure, y = self.figure, 14
        if figure.title:
            y += 12
            self.text(self.width / 2, y, figure.title, LARGE, INK, weight=600)
            y += 10
        named = [series for series in figure.series if series.label and series.kind != "pie"]
        if not named or figure.has_legend is False:
            return y
        rows, row, used = [], [], 0
        for series in named:
            needed = 30 + width_of(series.label, SMALL)
            if row and used + needed > self.width - 40:
                rows.append((row, used))
                row, used = [], 0
            row.append((series, needed))
            used += needed
        rows.append((row, used))
        for row, used in rows[:4]:
            y += 10
            x = (self.width - used) / 2
            for series, needed in row:
                self.put("rect", x=x, y=float(y - 8), width=12, height=8, rx=2, fill=series.paint)
                self.text(x + 17, y, series.label, fill=INK, anchor="start")
                x += needed
            y += 8
        return y

    def chart(self, top):
        figure = self.figure
        x_marks = figure.x.marks(MARGIN)
        y_marks = figure.y.marks(MARGIN)
        left = 16 + max([width_of(name, SMALL) for _, name in y_marks], default=0)
        left = min(left, self.width * 0.4) + (18 if figure.y.label else 0)
        right = self.width - 18
        # Names that would run into each other are turned.
        room = (right - left) / max(1, len(x_marks))
        widest = max([width_of(name, SMALL) for _, name in x_marks], default=0)
        turned = widest + 6 > room
        below = 24 + (min(widest * 0.72, self.height * 0.3) if turned else 0)
        bottom = self.height - below - (18 if figure.x.label else 0)
        top = min(top + 6, bottom - 20)
        place_x = figure.x.scale(MARGIN, left, right)
        place_y = figure.y.scale(MARGIN, bottom, top)
        for value, name in y_marks:
            y = place_y(value)
            if figure.has_grid:
                self.put("line", x1=float(left), x2=float(right), y1=y, y2=y, stroke=GRID)
            self.text(left - 6, y + 4, name, anchor="end")
        for value, name in x_marks:
            x = place_x(value)
            if figure.has_grid and not figure.x.names:
                self.put("line", x1=x, x2=x, y1=float(top), y2=float(bottom), stroke=GRID)
            if turned:
                self.text(x + 3, bottom + 13, name, anchor="end", turn=-40)
            else:
                self.text(x, bottom + 16, name)
        self.parts.append(
            f'<clipPath id="c"><rect x="{short(left)}" y="{short(top)}" '
            f'width="{short(right - left)}" height="{short(bottom - top)}"/></clipPath>'
            '<g clip-path="url(#c)">'
        )
        for series in figure.series:
            getattr(self, series.kind)(series, place_x, place_y)
        self.parts.append("</g>")
        for side in ((left, bottom, right, bottom), (left, top, left, bottom)):
            x1, y1, x2, y2 = map(float, side)
            self.put("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=FAINT)
        if figure.x.label:
            self.text((left + right) / 2, self.height - 8, figure.x.label, NORMAL, INK)
        if figure.y.label:
            self.text(16, (top + bottom) / 2, figure.y.label, NORMAL, INK, turn=-90)

    def line(self, series, place_x, place_y):
        points = [(place_x(x), place_y(y)) for x, y in zip(series.x, series.y)]
        if series.style not in NO_LINE:
            data, pen = [], "M"
            for x, y in thinned(points, self.width):
                if x != x or y != y:
                    pen = "M"
                    continue
                data.append(f"{pen}{short(near(x))} {short(near(y))}")
                pen = "L"
            self.put(
                "path", d="".join(data), fill="none", stroke=series.paint,
                stroke_width=float(series.thick), stroke_linejoin="round",
                stroke_dasharray=DASHES.get(series.style),
            )
        if series.marker:
            self.circles(points, 3.0, series.paint, 1.0)

    def dots(self, series, place_x, place_y):
        points = [(place_x(x), place_y(y)) for x, y in zip(series.x, series.y)]
        self.circles(points, series.size, series.paint, series.alpha)

    def circles(self, points, radius, fill, alpha):
        seen = set()
        for x, y in points:
            if x != x or y != y or not -50 < x < self.width + 50 or not -50 < y < self.height + 50:
                continue
            at = (short(x), short(y))
            if at not in seen:
                seen.add(at)
                self.put("circle", cx=x, cy=y, r=float(radius), fill=fill, fill_opacity=alpha)

    def area(self, series, place_x, place_y):
        points = list(zip(series.x, series.low, series.y))
        points = [point for point in points if all(value == value for value in point)]
        there = [f"{short(near(place_x(x)))} {short(near(place_y(y)))}" for x, _, y in points]
        back = [f"{short(near(place_x(x)))} {short(near(place_y(y)))}" for x, y, _ in reversed(points)]
        if there:
            data = f"M{'L'.join(there + back)}Z"
            self.put("path", d=data, fill=series.paint, fill_opacity=series.alpha)

    def columns(self, series, place_x, place_y):
        for at, begin, end in zip(series.at, series.begin, series.end):
            half = series.width / 2
            self.box(place_x(at - half), place_x(at + half), place_y(begin), place_y(end), series)

    def rows(self, series, place_x, place_y):
        for at, begin, end in zip(series.at, series.begin, series.end):
            half = series.width / 2
            self.box(place_x(begin), place_x(end), place_y(at - half), place_y(at + half), series)

    def steps(self, series, place_x, place_y):
        for before, after, count in zip(series.edges, series.edges[1:], series.y):
            x1, x2 = place_x(before), place_x(after)
            gap = min(1.0, abs(x2 - x1) / 8)
            self.box(x1 + gap / 2, x2 - gap / 2, place_y(0.0), place_y(count), series)

    def box(self, x1, x2, y1, y2, series):
        # On a logarithmic axis zero is below everything.
        y1 = float(self.height) if y1 != y1 else y1
        x1 = 0.0 if x1 != x1 else x1
        if x2 != x2 or y2 != y2:
            return
        x1, x2, y1, y2 = near(min(x1, x2)), near(max(x1, x2)), near(min(y1, y2)), near(max(y1, y2))
        self.put("rect", x=x1, y=y1, width=x2 - x1, height=y2 - y1, fill=series.paint, fill_opacity=series.alpha)

    def rule(self, series, place_x, place_y):
        if series.along == "x":
            x1 = x2 = near(place_x(series.at))
            y1, y2 = 0.0, float(self.height)
        else:
            y1 = y2 = near(place_y(series.at))
            x1, x2 = 0.0, float(self.width)
        self.put(
            "line", x1=x1, x2=x2, y1=y1, y2=y2, stroke=series.paint,
            stroke_width=float(series.thick), stroke_dasharray=DASHES.get(series.style),
        )

    def note(self, series, place_x, place_y):
        x, y = place_x(series.at[0]), place_y(series.at[1])
        if x == x and y == y:
            self.text(near(x), near(y) - 5, series.text, fill=INK)

    def pie(self, series, top):
        total = sum(series.sizes)
        middle = (self.width / 2, (top + self.height) / 2)
        radius = max(20.0, min((self.height - top) / 2 - 26, self.width / 4))
        angle = -math.pi / 2
        for index, (size, label) in enumerate(zip(series.sizes, series.labels)):
            color = series.colors[index % len(series.colors)] if series.colors else PALETTE[index % len(PALETTE)]
            turn = size / total * 2 * math.pi
            begin, angle = angle, angle + turn
            if size == total:
                self.put("circle", cx=middle[0], cy=middle[1], r=radius, fill=color)
            elif size:
                (x1, y1), (x2, y2) = (around(middle, radius, at) for at in (begin, angle))
                data = (
                    f"M{short(middle[0])} {short(middle[1])}L{short(x1)} {short(y1)}"
                    f"A{short(radius)} {short(radius)} 0 {int(turn > math.pi)} 1 {short(x2)} {short(y2)}Z"
                )
                self.put("path", d=data, fill=color, stroke=PAPER, stroke_width=1.5)
            half = begin + turn / 2
            side = "start" if math.cos(half) > 0.1 else "end" if math.cos(half) < -0.1 else "middle"
            x, y = around(middle, radius + 12, half)
            self.text(x, y + 4, label, NORMAL, INK, anchor=side)
            if series.share and turn > 0.2:
                x, y = around(middle, radius * 0.65, half)
                self.text(x, y + 4, share_of(series.share, size / total), fill=PAPER, weight=600)


def share_of(form, part):
    """What matplotlib's `autopct` says of a part: a format, or a function."""
    percent = part * 100
    try:
        return str(form(percent) if callable(form) else form % percent)
    except (TypeError, ValueError):
        return f"{percent:.1f}%"


def around(middle, radius, angle):
    return middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle)


def near(value):
    """A place that a viewer can count with, however far off the value is."""
    return min(max(value, -10_000.0), 10_000.0)


def thinned(points, width):
    """Of more points than there are columns, the first, least, most and last of each column."""
    if len(points) <= 8 * width:
        return points
    kept, column = [], []
    for point in points:
        gap = point[0] != point[0] or point[1] != point[1]
        if column and (gap or int(point[0]) != int(column[0][0])):
            kept += extremes(column)
            column = []
        if gap:
            kept.append(point)
        else:
            column.append(point)
    return kept + extremes(column)


def extremes(column):
    """In their order, without what lies between."""
    if len(column) <= 4:
        return column
    at = range(len(column))
    least = min(at, key=lambda index: column[index][1])
    most = max(at, key=lambda index: column[index][1])
    return [column[index] for index in sorted({0, least, most, len(column) - 1})]


def draw(figure):
    """The figure as the text of an SVG file."""
    return Drawing(figure).draw()
