"""The tool `python`: runs code as a REPL does, in CPython inside a component.

The interpreter is initialised when the component is built, so what is imported here is there at
run time, and what is not imported is not: the standard library has no files to be read from.
"""

import ast
import builtins
import gc
import io
import json
import linecache
import os
import random
import sys
import textwrap
import traceback
import types

import library  # noqa: F401  (imports what user code may import)
import loop
import testing  # noqa: F401  (the test runner calls it)
import zones
from componentize_py_types import Err
from plots import pyplot
from wit_world.imports import blobs
from wit_world.imports.types import (
    Audience,
    Content_Asset,
    Content_Text,
    Failure,
    Part,
)

# What one call may print; the rest is dropped and counted.
MAX_OUTPUT_BYTES = 100_000
# Code longer than this is no snippet.
MAX_CODE_CHARS = 200_000
# What goes to the host at once.
MAX_CHUNK_BYTES = 1 << 20
# Where the conversation's files are, if the policy mounts them.
WORKSPACE = "/workspace"
# The sources of so many cells are kept for tracebacks.
MAX_CELLS_KEPT = 1_000


class Sink(io.RawIOBase):
    """Where standard output and standard error of user code end, in the order of writing."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.kept = bytearray()
        self.dropped = 0

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        room = MAX_OUTPUT_BYTES - len(self.kept)
        self.kept += data[:room]
        self.dropped += max(0, len(data) - room)
        return len(data)

    def close(self):
        """Stays open: what prints after user code closed its output must not be lost."""

    def text(self):
        return self.kept.decode("utf-8", "replace")


class Repl:
    """One interpreter: its namespace lives as long as the instance."""

    def __init__(self):
        self.sink = Sink()
        self.cells = 0
        # User code is the module `__main__`, where dataclasses and pickle look their types up.
        self.module = types.ModuleType("__main__")
        self.module.__builtins__ = builtins
        # Charts need no import, by the name that everybody gives the module or by their own.
        self.module.plt = pyplot
        for name in ("plot", "scatter", "bar", "hist", "pie"):
            setattr(self.module, name, getattr(pyplot, name))
        sys.modules["__main__"] = self.module

    def first_call(self):
        # The generator's state was fixed when the component was built: every instance would
        # draw the same numbers.
        random.seed()
        try:
            os.chdir(WORKSPACE)
        except OSError:  # The policy mounts no such folder.
            pass

    def run(self, code):
        if self.cells == 0:
            self.first_call()
        self.cells += 1
        self.sink.begin()
        sys.stdout = self.stream()
        sys.stderr = self.stream()
        sys.stdin = io.StringIO()
        sys.argv = [""]
        ending, raised = self.execute(code, f"<cell {self.cells}>")
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # The code closed or replaced it.
                pass
        if raised:
            pyplot.figures.clear()
            raise Err(Failure("raised", self.result(ending, "", []), None))
        charts, trouble = drawn()
        return [Part(Content_Text(self.result(ending, trouble, charts)), Audience.BOTH), *charts]

    def stream(self):
        return io.TextIOWrapper(
            self.sink, encoding="utf-8", errors="backslashreplace", write_through=True
        )

    def execute(self, code, name):
        """Runs the code; gives what is to be said after its output, and whether it raised."""
        namespace = self.module.__dict__
        try:
            tree = self.parse(code, name)
            last = None
            if tree.body and isinstance(tree.body[-1], ast.Expr):
                last = ast.Expression(tree.body.pop().value)
            if tree.body:
                exec(compile(tree, name, "exec"), namespace)
            if last is not None:
                value = eval(compile(last, name, "eval"), namespace)
                if value is not None:
                    namespace["_"] = value
                    print(repr(value))
        except SystemExit as error:
            if error.code in (None, 0):
                return "", False
            return f"The code ended itself with status {error.code!r}.", True
        except BaseException as error:
            return describe(error), True
        return "", False

    def parse(self, code, name):
        try:
            tree = ast.parse(code, name)
        except IndentationError:
            # Code that was cut out of a longer text is often indented as a whole.
            code = textwrap.dedent(code)
            tree = ast.parse(code, name)
        finally:
            lines = [line + "\n" for line in code.splitlines()]
            linecache.cache[name] = (len(code), None, lines, name)
            linecache.cache.pop(f"<cell {self.cells - MAX_CELLS_KEPT}>", None)
        return tree

    def result(self, ending, trouble, charts):
        text = self.sink.text()
        if self.sink.dropped:
            text += f"\n[{self.sink.dropped} more bytes of output were dropped]\n"
        if ending:
            if text and not text.endswith("\n"):
                text += "\n"
            text += ending
        text += trouble
        if text:
            return text
        if charts:
            return f"(no output, {len(charts)} {'charts' if len(charts) > 1 else 'chart'} shown)"
        return "(no output)"


def drawn():
    """The charts of a call as parts of its result, and what is to be said of those that are none."""
    parts = []
    try:
        for at, chart in enumerate(pyplot.taken(), 1):
            parts.append(Part(Content_Asset(given(chart, f"chart-{at}.svg")), Audience.BOTH))
    except Err as error:
        return parts, f"The chart cannot be shown: {error.value.value}\n"
    except Exception as error:
        return parts, f"The chart could not be drawn: {error}\n"
    return parts, ""


def given(chart, name):
    """Hands a chart to the host; gives its id."""
    data = chart.encode()
    with blobs.create("image/svg+xml", name) as writer:
        for begin in range(0, len(data), MAX_CHUNK_BYTES):
            writer.write(data[begin : begin + MAX_CHUNK_BYTES])
        return writer.finish()


def refuse_input(prompt=""):
    """Stands where `input` does: nobody sits at this terminal."""
    raise EOFError("input() cannot ask anybody here: write the values into the code, or ask the person in your answer")


def own_frames(summary):
    """Leaves the frames of cells; says whether there were any."""
    if summary is None or summary.stack is None:
        return False
    frames = [frame for frame in summary.stack if frame.filename.startswith("<cell ")]
    summary.stack = traceback.StackSummary.from_list(frames) if frames else None
    # What the library caught and raised anew within itself explains nothing to the author.
    if not own_frames(summary.__cause__):
        summary.__cause__ = None
    if not own_frames(summary.__context__):
        summary.__context__ = None
    for member in summary.exceptions or []:
        own_frames(member)
    return bool(frames)


def describe(error):
    """The traceback, with the user's own code only."""
    try:
        # Lines are looked up when the text is made: those of the library are in no folder here.
        summary = traceback.TracebackException.from_exception(error, lookup_lines=False)
        own_frames(summary)
        text = "".join(summary.format())
    except BaseException:  # An exception whose own text cannot be made.
        text = f"{type(error).__name__} (its message could not be printed)"
    if len(text) > MAX_OUTPUT_BYTES:
        half = MAX_OUTPUT_BYTES // 2
        text = f"{text[:half]}\n[…]\n{text[-half:]}"
    if isinstance(error, ModuleNotFoundError):
        text += (
            "Packages cannot be installed: write it with the standard library alone"
            " (csv, json, statistics, collections, datetime, re, sqlite3, math, random).\n"
        )
    return text


def failure(message):
    return Err(Failure("invalid-input", message, None))


builtins.input = refuse_input
pyplot.install()
REPL = Repl()
loop.install()
zones.install()
# Nothing of the machine that built the component stays in it.
os.environ.clear()
# Long numbers are what people ask for, and the call's processor time is limited anyway.
sys.set_int_max_str_digits(0)
# What exists by now is never garbage: a collection that went over it would write to every object,
# and so copy every page of the instance.
gc.collect()
gc.freeze()


class Handler:
    """The export `alcove:tool/handler`."""

    def invoke(self, tool: str, arguments: str):
        if tool != "python":
            raise failure(f"this plugin has no tool `{tool}`")
        code = json.loads(arguments).get("code")
        if not isinstance(code, str):
            raise failure("`code` must be a string")
        if len(code) > MAX_CODE_CHARS:
            raise failure(f"`code` is longer than {MAX_CODE_CHARS} characters")
        return REPL.run(code)
