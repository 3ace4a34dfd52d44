"""From values to places along an axis, and the ticks that tell which value is where."""

import datetime
import math
import numbers

# About how many ticks an axis gets.
TICKS = 6
# More names than this along one axis are thinned out.
MAX_NAMES = 24
EPOCH = datetime.datetime(1970, 1, 1)
DAY = 86_400.0
# Steps of time in seconds, and how a tick of that step is written.
TIME_STEPS = [
    (1, "%H:%M:%S"),
    (5, "%H:%M:%S"),
    (15, "%H:%M:%S"),
    (60, "%H:%M"),
    (300, "%H:%M"),
    (900, "%H:%M"),
    (3_600, "%d %b %H:%M"),
    (6 * 3_600, "%d %b %H:%M"),
    (DAY, "%d %b"),
    (2 * DAY, "%d %b"),
    (7 * DAY, "%d %b"),
    (14 * DAY, "%d %b"),
]
MONTH_STEPS = [1, 2, 3, 6]


def number(value):
    """The value as a float; what is none, and what is not finite, is a gap: NaN."""
    if value is None:
        return math.nan
    if isinstance(value, datetime.datetime):
        return (value.replace(tzinfo=None) - EPOCH).total_seconds()
    if isinstance(value, datetime.date):
        return (datetime.datetime(value.year, value.month, value.day) - EPOCH).total_seconds()
    try:
        value = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"cannot be drawn: {value!r} is neither a number, a date nor a name") from None
    return value if math.isfinite(value) else math.nan


class Axis:
    """One of the two directions: what kind of values it has, and which it shows."""

    def __init__(self):
        self.names = {}
        self.is_time = False
        self.is_log = False
        # Whether what it shows stands on zero, so that no room is left below.
        self.stands_on_zero = False
        self.label = ""
        self.limits = (None, None)
        self.ticks = None
        self.least = math.inf
        self.most = -math.inf

    def places(self, values):
        """Values of user code as floats, which count for the range."""
        places = [self.place(value) for value in values]
        self.cover(places)
        return places

    def place(self, value):
        if isinstance(value, str):
            return float(self.names.setdefault(value, len(self.names)))
        if isinstance(value, datetime.date) and not isinstance(value, numbers.Number):
            self.is_time = True
        return number(value)

    def cover(self, places):
        """Makes the range reach them."""
        for place in places:
            if place == place and (place > 0 or not self.is_log):
                self.least = min(self.least, place)
                self.most = max(self.most, place)

    def range(self, margin):
        """The least and the most that is shown, with a margin on both sides."""
        least, most = self.least, self.most
        if least > most:
            least, most = (1.0, 10.0) if self.is_log else (0.0, 1.0)
        if self.is_log:
            low, high = math.log10(least), math.log10(most)
            pad = (high - low) * margin or 0.5
            least, most = 10 ** (low - pad), 10 ** (high + pad)
        elif least == most:
            pad = abs(least) * 0.1 or 0.5
            least, most = least - pad, most + pad
        else:
            pad = (most - least) * margin
            least = least if self.stands_on_zero and least == 0 else least - pad
            most += pad
        wanted = self.limits
        least = least if wanted[0] is None else wanted[0]
        most = most if wanted[1] is None else wanted[1]
        if self.is_log and least <= 0:
            least = min(most, 1.0) / 1_000 if most > 0 else 1e-3
        if least == most:
            most = least + 1.0
        return least, most

    def scale(self, margin, begin, end):
        """A function from values to places between `begin` and `end`; it may lead beyond them."""
        least, most = self.range(margin)
        if self.is_log:
            low, high = math.log10(least), math.log10(most)

            def place(value):
                if value != value or value <= 0:
                    return math.nan
                return begin + (math.log10(value) - low) / (high - low) * (end - begin)

        else:

            def place(value):
                return begin + (value - least) / (most - least) * (end - begin)

        return place

    def marks(self, margin):
        """The ticks as pairs of value and text."""
        least, most = self.range(margin)
        low, high = min(least, most), max(least, most)
        if self.ticks is not None:
            marks = self.ticks
        elif self.names:
            step = -(-len(self.names) // MAX_NAMES)
            marks = [(float(at), name) for name, at in self.names.items() if at % step == 0]
        elif self.is_time:
            marks = times(low, high)
        elif self.is_log:
            marks = powers(low, high)
        else:
            marks = round_numbers(low, high)
        slack = (high - low) * 1e-9
        return [mark for mark in marks if low - slack <= mark[0] <= high + slack]


def round_numbers(low, high):
    """Ticks at multiples of 1, 2 or 5 times a power of ten (Heckbert, Graphics Gems, 1990)."""
    rough = (high - low) / TICKS
    if not math.isfinite(rough) or rough <= 0:
        return [(low, text(low, 0))]
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / rough)))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > 50:
        return [(low, text(low, decimals)), (high, text(high, decimals))]
    return [(index * step, text(index * step, decimals)) for index in range(first, last + 1)]


def powers(low, high):
    """Ticks at powers of ten, and between them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = -(-max(1, last - first) // 8)
    factors = (1, 2, 5) if last - first <= 2 else (1,)
    return [
        (factor * 10.0**power, text(factor * 10.0**power, max(0, -power)))
        for power in range(first, last + 1, step)
        for factor in factors
    ]


def times(low, high):
    """Ticks at round moments."""
    rough = (high - low) / TICKS
    for step, form in TIME_STEPS:
        if step >= rough:
            first, last = math.ceil(low / step), math.floor(high / step)
            return [(at * step, moment(at * step, form)) for at in range(first, last + 1)]
    months = rough / (30 * DAY)
    step = next((step for step in MONTH_STEPS if step >= months), None)
    if step is None:
        years = round_numbers(1970 + low / (365.2425 * DAY), 1970 + high / (365.2425 * DAY))
        years = [int(year) for year, _ in years if year == int(year) and 1 <= year <= 9999]
        return [(number(datetime.date(year, 1, 1)), str(year)) for year in years]
    begin = EPOCH + datetime.timedelta(seconds=low)
    ticks = []
    index = begin.year * 12 + (begin.month - 1) // step * step
    while (at := number(datetime.date(index // 12, index % 12 + 1, 1))) <= high:
        ticks.append((at, moment(at, "%b %Y")))
        index += step
        if index // 12 > 9999:
            break
    return ticks


def moment(seconds, form):
    try:
        return (EPOCH + datetime.timedelta(seconds=seconds)).strftime(form)
    except (OverflowError, ValueError):
        return ""


def text(value, decimals):
    """A number as a tick shows it."""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        mantissa, power = f"{value:.2e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa}e{int(power)}"
    return f"{value:,.{decimals}f}"
