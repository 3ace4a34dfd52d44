"""Charts that are shown beside the answer, under the names of matplotlib's pyplot.

    plot([1, 2, 3], [1, 4, 9], label="squares")
    title("Growth")

This is a small drawing layer of its own and not matplotlib: what it does not have says so.
"""

import itertools
import re
import sys
import types

from . import svg
from .figure import MAX_VALUES, Figure, cut, size_of

# The most figures that one call gives back.
MAX_FIGURES = 8
SHORT_COLORS = {
    "b": "#0072b2", "g": "#009e73", "r": "#c62828", "c": "#0097a7", "m": "#cc79a7",
    "y": "#b8860b", "k": "#000000", "w": "#ffffff",
}
COLOR = re.compile(r"#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-zA-Z]{3,24}")
# `r--o` of plot(x, y, "r--o").
FORMAT = re.compile(r"(?P<color>[bgrcmykw]?)(?P<marker>[.,ov^<>s*+xXdDph]?)(?P<style>--|-\.|-|:)?(?P<late>[.,ov^<>s*+xXdDph]?)")

figures = []


def current():
    """The figure that is being drawn."""
    if not figures or figures[-1].is_shown:
        start()
    return figures[-1]


def start(size=None):
    if len(figures) >= MAX_FIGURES:
        raise ValueError(f"one call draws at most {MAX_FIGURES} charts")
    figures.append(Figure(size_of(size)) if size is not None else Figure())
    return figures[-1]


def taken():
    """The figures that were drawn since this was last asked, as SVG files."""
    drawn, figures[:] = figures[:], []
    return [svg.draw(figure) for figure in drawn if not figure.is_empty]


def color_of(color):
    if color is None:
        return None
    if isinstance(color, (tuple, list)) and len(color) in (3, 4):
        parts = [min(max(float(part), 0.0), 1.0) for part in color[:3]]
        return "#" + "".join(f"{round(part * 255):02x}" for part in parts)
    text = str(color).removeprefix("tab:")
    if re.fullmatch(r"C\d{1,3}", text):
        return svg.PALETTE[int(text[1:]) % len(svg.PALETTE)]
    text = SHORT_COLORS.get(text, text)
    if not COLOR.fullmatch(text):
        raise ValueError(f"{color!r} is no colour: use a name such as \"red\" or a value such as \"#d55e00\"")
    return text


class Axes:
    """What is drawn in one figure; the functions of this module are those of the current one."""

    def __init__(self, figure=None):
        self._figure = figure

    @property
    def figure(self):
        return self._figure or current()

    def plot(self, *data, label="", color=None, c=None, marker=None, linestyle=None, ls=None,
             linewidth=None, lw=None, alpha=1.0, **_):
        """Lines: plot(y), plot(x, y), plot(x, y, "r--o"), and several of them at once."""
        data = list(data)
        if not data:
            raise TypeError("plot() needs values: plot(x, y)")
        figure = self.figure
        while data:
            x = data.pop(0)
            if data and not isinstance(data[0], str):
                y = data.pop(0)
            else:
                y = list(itertools.islice(x, MAX_VALUES + 1))
                x = range(len(y))
            form = parse(data.pop(0)) if data and isinstance(data[0], str) else {}
            style = linestyle if linestyle is not None else ls
            figure.line(
                x, y, label=label, color=color_of(color or c or form.get("color")),
                style=style if style is not None else form.get("style", "-"),
                marker=marker or form.get("marker"), thick=linewidth or lw or 2,
            )

    def scatter(self, x, y, s=None, c=None, label="", color=None, marker=None, alpha=0.8, **_):
        """Dots; `s` is their area in points, as matplotlib has it."""
        size = (s if isinstance(s, (int, float)) else 36) ** 0.5 * 0.66
        plain = c if isinstance(c, str) else None
        self.figure.dots(x, y, min(max(size, 1.0), 40.0), label=label, color=color_of(color or plain), alpha=alpha)

    def bar(self, x, height, width=0.8, bottom=0, label="", color=None, alpha=1.0, **_):
        """Columns, at names or at numbers."""
        figure = self.figure
        figure.bars(x, height, width, bottom, figure.x, label=label, color=one(color), alpha=alpha)

    def barh(self, y, width, height=0.8, left=0, label="", color=None, alpha=1.0, **_):
        """The same from left to right."""
        figure = self.figure
        figure.bars(y, width, height, left, figure.y, label=label, color=one(color), alpha=alpha)

    def hist(self, x, bins=10, range=None, density=False, label="", color=None, alpha=0.9, **_):
        """How many values fall in each of so many bins; gives the counts and the edges."""
        return self.figure.histogram(x, bins, range, density, label=label, color=one(color), alpha=alpha)

    def pie(self, x, labels=None, autopct=None, colors=None, **_):
        """Parts of a whole."""
        colors = [color_of(color) for color in colors] if colors else None
        self.figure.pie(x, labels, autopct, colors=colors)

    def fill_between(self, x, y1, y2=0, label="", color=None, alpha=0.3, **_):
        """The area between two lines."""
        self.figure.area(x, y1, y2, label=label, color=color_of(color), alpha=alpha)

    def axhline(self, y=0, color="k", linestyle="--", linewidth=1, label="", **_):
        self.figure.rule(y, "y", color=color_of(color), style=linestyle, thick=linewidth, label=label)

    def axvline(self, x=0, color="k", linestyle="--", linewidth=1, label="", **_):
        self.figure.rule(x, "x", color=color_of(color), style=linestyle, thick=linewidth, label=label)

    def text(self, x, y, s, **_):
        self.figure.note(x, y, s)

    def annotate(self, text, xy, **_):
        self.figure.note(xy[0], xy[1], text)

    def title(self, label, **_):
        self.figure.title = cut(label)

    def xlabel(self, label, **_):
        self.figure.x.label = cut(label)

    def ylabel(self, label, **_):
        self.figure.y.label = cut(label)

    def legend(self, labels=None, **_):
        self.figure.has_legend = True
        if isinstance(labels, (list, tuple)):
            for series, label in zip(self.figure.series, labels):
                series.label = cut(label)

    def grid(self, visible=True, **_):
        self.figure.has_grid = bool(visible)

    def xlim(self, left=None, right=None, **_):
        limit(self.figure.x, left, right)

    def ylim(self, bottom=None, top=None, **_):
        limit(self.figure.y, bottom, top)

    def xscale(self, value, **_):
        scale(self.figure.x, value)

    def yscale(self, value, **_):
        scale(self.figure.y, value)

    def xticks(self, ticks=None, labels=None, **_):
        tick(self.figure.x, ticks, labels)

    def yticks(self, ticks=None, labels=None, **_):
        tick(self.figure.y, ticks, labels)

    def tight_layout(self, **_):
        """Nothing is to be done: texts always have their room."""

    set_title, set_xlabel, set_ylabel = title, xlabel, ylabel
    set_xlim, set_ylim, set_xscale, set_yscale = xlim, ylim, xscale, yscale
    set_xticks, set_yticks = xticks, yticks

    def __getattr__(self, name):
        raise AttributeError(missing(name))


class Handle(Axes):
    """A figure as `plt.figure()` gives it."""

    def savefig(self, name, **_):
        savefig(name, figure=self._figure)

    def suptitle(self, label, **_):
        self.title(label)

    def add_subplot(self, *_, **__):
        return Axes(self._figure)

    gca = add_subplot

    def show(self, **_):
        self._figure.is_shown = True

    def autofmt_xdate(self, **_):
        """Nothing is to be done: names that have no room are turned."""


def parse(form):
    found = FORMAT.fullmatch(form)
    if not found:
        raise ValueError(f"{form!r} is no format: use such as \"r--o\"")
    marker = found["marker"] or found["late"] or None
    style = found["style"] or ("" if marker else "-")
    return {"color": found["color"] or None, "marker": marker, "style": style}


def one(color):
    """Bars of one series have one colour here."""
    if isinstance(color, (list, tuple)) and color and isinstance(color[0], (str, list, tuple)):
        color = color[0]
    return color_of(color)


def limit(axis, low, high):
    if isinstance(low, (tuple, list)):
        low, high = low
    axis.limits = tuple(value if value is None else axis.place(value) for value in (low, high))


def scale(axis, value):
    if value not in ("linear", "log"):
        raise ValueError(f"an axis is \"linear\" or \"log\", not {value!r}")
    axis.is_log = value == "log"
    if axis.is_log:
        raise_above_zero(axis)


def raise_above_zero(axis):
    """What was covered before the axis became logarithmic may not have been above zero."""
    if axis.least <= 0:
        positive = [place for figure in figures for series in figure.series
                    for place in getattr(series, "x" if axis is figure.x else "y", []) if place > 0]
        axis.least = min(positive, default=float("inf"))


def tick(axis, ticks, labels):
    if ticks is None:
        return
    places = [axis.place(value) for value in ticks]
    names = [cut(label) for label in labels] if labels is not None else [f"{place:g}" for place in places]
    axis.ticks = list(zip(places, names))[:100]


def figure(num=None, figsize=None, **_):
    """Begins another chart."""
    return Handle(start(figsize))


def subplots(nrows=1, ncols=1, figsize=None, **_):
    """A chart and its axes; charts do not stand side by side here, so there is one."""
    if nrows != 1 or ncols != 1:
        raise ValueError("one chart a figure: call figure() before each further one")
    handle = figure(figsize=figsize)
    return handle, Axes(handle._figure)


def subplot(*position, **_):
    if position not in [(), (1, 1, 1), (111,)]:
        raise ValueError("one chart a figure: call figure() before each further one")
    return gca()


def gca():
    return Axes(current())


def gcf():
    return Handle(current())


def show(*_, **__):
    """Ends the chart: what is drawn next begins another."""
    if figures:
        figures[-1].is_shown = True


def savefig(name, figure=None, **_):
    """Writes the chart as an SVG file; it is shown as well."""
    name = str(name)
    stem, dot, ending = name.rpartition(".")
    if ending.lower() != "svg":
        name = f"{stem if dot else name}.svg"
        print(f"Charts are SVG here: written as {name}")
    with open(name, "w", encoding="utf-8") as file:
        file.write(svg.draw(figure or current()))


def close(*_, **__):
    """Takes back the charts that were not shown."""
    figures[:] = [figure for figure in figures if figure.is_shown]


def clf():
    """Begins the current chart anew."""
    if figures and not figures[-1].is_shown:
        figures.pop()


cla = clf


def missing(name):
    return f"charts here have no `{name}`: there is {', '.join(NAMES)}"


def __getattr__(name):
    raise AttributeError(missing(name))


# What can be drawn and said of a chart.
NAMES = [
    "plot", "scatter", "bar", "barh", "hist", "pie", "fill_between", "axhline", "axvline", "text",
    "annotate", "title", "xlabel", "ylabel", "legend", "grid", "xlim", "ylim", "xscale", "yscale",
    "xticks", "yticks", "tight_layout",
]
for name in NAMES:
    globals()[name] = getattr(Axes(), name)


def install():
    """Makes it what `import matplotlib.pyplot as plt` finds."""
    module = sys.modules[__name__]
    package = types.ModuleType("matplotlib", module.__doc__)
    package.pyplot = module
    package.use = lambda *_, **__: None
    package.__path__ = []
    sys.modules["matplotlib"] = package
    sys.modules["matplotlib.pyplot"] = module
    sys.modules["pyplot"] = module
