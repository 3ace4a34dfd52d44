"""What of pytest can be had in a few lines."""

import os
import re
import sys
import types


class Skipped(Exception):
    """A test that is not to be run here."""


class Approx:
    def __init__(self, expected, rel=1e-6, abs=1e-12):
        self.expected, self.rel, self.abs = expected, rel, abs

    def __eq__(self, value):
        if isinstance(self.expected, (list, tuple)):
            return len(value) == len(self.expected) and all(
                v == Approx(e, self.rel, self.abs) for v, e in zip(value, self.expected)
            )
        if isinstance(self.expected, dict):
            return value.keys() == self.expected.keys() and all(
                value[k] == Approx(e, self.rel, self.abs) for k, e in self.expected.items()
            )
        return value == self.expected or abs(value - self.expected) <= max(self.rel * abs(self.expected), self.abs)

    def __repr__(self):
        return f"approx({self.expected!r})"


class Raises:
    def __init__(self, expected, match=None):
        self.expected, self.match = expected, match

    def __enter__(self):
        return self

    def __exit__(self, kind, value, _):
        if kind is None:
            names = getattr(self.expected, "__name__", self.expected)
            raise AssertionError(f"nothing was raised, but {names} was expected")
        if not issubclass(kind, self.expected):
            return False
        if self.match and not re.search(self.match, str(value)):
            raise AssertionError(f"{str(value)!r} does not match {self.match!r}")
        self.value, self.type = value, kind
        return True


def raises(expected, function=None, *values, match=None, **named):
    context = Raises(expected, match)
    if function is None:
        return context
    with context:
        function(*values, **named)
    return context


class Mark:
    def __getattr__(self, name):
        def mark(*values, **named):
            if len(values) == 1 and not named and callable(values[0]) and name not in ("parametrize", "skipif"):
                values[0].__marks__ = [*getattr(values[0], "__marks__", []), (name, (), {})]
                return values[0]

            def decorate(function):
                function.__marks__ = [*getattr(function, "__marks__", []), (name, values, named)]
                return function

            return decorate

        return mark


def fixture(function=None, **named):
    def decorate(function):
        function.__fixture__ = named
        return function

    return decorate(function) if callable(function) else decorate


def skip(reason=""):
    raise Skipped(reason)


def fail(reason=""):
    raise AssertionError(reason)


class MonkeyPatch:
    def __init__(self):
        self.undo = []

    def setattr(self, target, name, value):
        old = getattr(target, name)
        self.undo.append(lambda: setattr(target, name, old))
        setattr(target, name, value)

    def setitem(self, target, name, value):
        had, old = name in target, target.get(name)
        self.undo.append(lambda: target.__setitem__(name, old) if had else target.pop(name, None))
        target[name] = value

    def setenv(self, name, value):
        self.setitem(os.environ, name, value)


class Captured:
    def __init__(self):
        self.at = 0

    def readouterr(self):
        text = sys.stdout.getvalue()[self.at :]
        self.at += len(text)
        return types.SimpleNamespace(out=text, err="")


pytest = types.ModuleType("pytest")
for name, value in {
    "raises": raises, "approx": Approx, "fixture": fixture, "skip": skip, "fail": fail, "mark": Mark(),
    "param": lambda *values, **_: values if len(values) != 1 else values[0],
}.items():
    setattr(pytest, name, value)
