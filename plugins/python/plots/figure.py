"""What a chart is made of, before it is drawn."""

import itertools
import math

from .scale import DAY, Axis, number

# The most values that all series of one figure have together.
MAX_VALUES = 200_000
# The most series of one figure, and the most slices of a pie.
MAX_SERIES = 100
MAX_SLICES = 50
MAX_BINS = 1_000
# The longest text that is drawn.
MAX_TEXT = 200
# The width and height of a figure in pixels: what is usual, and what may be.
SIZE = (640, 400)
LEAST_SIDE = 160
MOST_SIDE = 2_000
PIXELS_AN_INCH = 100


class Series:
    """One thing that is drawn: `kind` says which, the other fields are what that kind needs."""

    def __init__(self, kind, label="", color=None, **fields):
        self.kind = kind
        self.label = cut(label) if label is not None else ""
        self.color = color
        self.__dict__.update(fields)


class Figure:
    """One chart: its two axes and what is drawn between them."""

    def __init__(self, size=SIZE):
        self.size = size
        self.series = []
        self.values = 0
        self.title = ""
        self.x = Axis()
        self.y = Axis()
        self.has_grid = True
        self.has_legend = None
        self.is_shown = False

    @property
    def is_empty(self):
        return not self.series

    def add(self, kind, **fields):
        if len(self.series) >= MAX_SERIES:
            raise ValueError(f"a chart has at most {MAX_SERIES} series")
        self.series.append(Series(kind, **fields))

    def taken(self, values):
        """The values of an argument as a list, counted."""
        if isinstance(values, (str, bytes)):
            values = [values]
        elif isinstance(values, dict):
            values = values.values()
        try:
            iterator = iter(values)
        except TypeError:
            iterator = iter([values])
        room = MAX_VALUES - self.values
        taken = list(itertools.islice(iterator, room + 1))
        if len(taken) > room:
            raise ValueError(f"a chart has at most {MAX_VALUES} values: draw fewer of them")
        self.values += len(taken)
        return taken

    def pair(self, x, y):
        """Two arguments that belong together."""
        x, y = self.taken(x), self.taken(y)
        if len(x) != len(y):
            raise ValueError(f"x has {len(x)} values and y has {len(y)}: they must be as many")
        return x, y

    def line(self, x, y, **style):
        x, y = self.pair(x, y)
        self.add("line", x=self.x.places(x), y=self.y.places(y), **style)

    def dots(self, x, y, size, **style):
        x, y = self.pair(x, y)
        self.add("dots", x=self.x.places(x), y=self.y.places(y), size=size, **style)

    def area(self, x, low, high, **style):
        x = self.taken(x)
        low, high = self.taken(low), self.taken(high)
        low = low * len(x) if len(low) == 1 else low
        high = high * len(x) if len(high) == 1 else high
        if not len(x) == len(low) == len(high):
            raise ValueError("x and both edges must have as many values")
        self.add("area", x=self.x.places(x), low=self.y.places(low), y=self.y.places(high), **style)

    def bars(self, x, heights, width, bottom, along, **style):
        """Bars from `bottom`; `along` is the axis on which they stand."""
        x, heights = self.taken(x), self.taken(heights)
        heights = heights * len(x) if len(heights) == 1 else heights
        if len(x) != len(heights):
            raise ValueError(f"there are {len(x)} bars and {len(heights)} heights")
        bottom = [number(value) for value in self.taken(bottom)]
        bottom = bottom * len(x) if len(bottom) == 1 else bottom
        if len(bottom) != len(x):
            raise ValueError(f"there are {len(x)} bars and {len(bottom)} bottoms")
        across = self.y if along is self.x else self.x
        places = along.places(x)
        if along.is_time:
            width = width * DAY
        along.cover([place + side * width / 2 for place in places for side in (-1, 1)])
        tops = [begin + number(height) for begin, height in zip(bottom, heights)]
        across.stands_on_zero = True
        across.cover(bottom)
        across.cover(tops)
        kind = "columns" if along is self.x else "rows"
        self.add(kind, at=places, begin=bottom, end=tops, width=width, **style)

    def histogram(self, values, bins, within, share, **style):
        """Counts how many values fall between edges, and draws that; gives counts and edges."""
        values = [number(value) for value in self.taken(values)]
        values = [value for value in values if value == value]
        if isinstance(bins, int):
            if not 1 <= bins <= MAX_BINS:
                raise ValueError(f"a histogram has 1 to {MAX_BINS} bins")
            low, high = within or (min(values, default=0.0), max(values, default=1.0))
            if low == high:
                low, high = low - 0.5, high + 0.5
            edges = [low + (high - low) * index / bins for index in range(bins + 1)]
        else:
            edges = sorted(number(edge) for edge in self.taken(bins))
            if len(edges) < 2:
                raise ValueError("a histogram has two edges or more")
        counts = [0] * (len(edges) - 1)
        for value in values:
            if edges[0] <= value <= edges[-1]:
                counts[min(place_of(value, edges), len(counts) - 1)] += 1
        if share:
            total = sum(counts) or 1
            counts = [
                count / total / (after - before)
                for count, before, after in zip(counts, edges, edges[1:])
            ]
        self.x.cover(edges)
        self.y.stands_on_zero = True
        self.y.cover([0.0, *counts])
        self.add("steps", edges=edges, y=[float(count) for count in counts], **style)
        return counts, edges

    def pie(self, sizes, labels, share, **style):
        sizes = [number(size) for size in self.taken(sizes)]
        if not sizes or len(sizes) > MAX_SLICES:
            raise ValueError(f"a pie has 1 to {MAX_SLICES} slices")
        if any(size != size or size < 0 for size in sizes) or sum(sizes) <= 0:
            raise ValueError("the slices of a pie are numbers above zero")
        labels = [cut(label) for label in (labels or [""] * len(sizes))]
        if len(labels) != len(sizes):
            raise ValueError(f"there are {len(sizes)} slices and {len(labels)} labels")
        self.add("pie", sizes=sizes, labels=labels, share=share, **style)

    def rule(self, value, along, **style):
        """A line across the whole chart."""
        axis = self.x if along == "x" else self.y
        at = axis.place(value)
        axis.cover([at])
        self.add("rule", at=at, along=along, **style)

    def note(self, x, y, text):
        self.add("note", at=(self.x.place(x), self.y.place(y)), text=cut(text))


def place_of(value, edges):
    """Between which edges a value falls."""
    low, high = 0, len(edges) - 1
    while low < high - 1:
        middle = (low + high) // 2
        if edges[middle] <= value:
            low = middle
        else:
            high = middle
    return low


def size_of(inches):
    """A figure's size in pixels from matplotlib's inches, within what may be."""
    try:
        width, height = inches
        sides = [float(width), float(height)]
    except (TypeError, ValueError):
        raise ValueError("figsize is a pair of numbers, such as (6.4, 4)") from None
    if not all(math.isfinite(side) for side in sides):
        raise ValueError("figsize is a pair of numbers, such as (6.4, 4)")
    return tuple(int(min(max(side * PIXELS_AN_INCH, LEAST_SIDE), MOST_SIDE)) for side in sides)


def cut(text):
    """A text of user code, as long as one may be."""
    text = " ".join(str(text).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
