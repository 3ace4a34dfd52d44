"""Finding tests and running them."""

import ast
import asyncio
import contextlib
import doctest
import functools
import inspect
import io
import json
import os
import pathlib
import sys
import tempfile
import time
import types
import unittest

from testing.deadline import deadline
from testing.source import CodeUnderTest, describe, load, short
from testing.stand_in import Approx, Captured, MonkeyPatch, Skipped, pytest

MAX_OUTPUT = 4_000
MAX_TESTS = 2_000


class Runner:
    def __init__(self, seconds):
        self.seconds, self.results = seconds, []

    def one(self, name, run):
        if len(self.results) >= MAX_TESTS:
            return
        result, out = {"name": name, "status": "passed", "ms": 0}, io.StringIO()
        old, begin = sys.stdout, time.perf_counter()
        sys.stdout = sys.stderr = out
        try:
            with deadline(self.seconds):
                run()
        except (Skipped, unittest.SkipTest) as skipped:
            result["status"], result["error"] = "skipped", str(skipped)
        except BaseException as error:
            result["status"], result["error"] = "failed", describe(error)
        finally:
            sys.stdout = sys.stderr = old
        result["ms"] = round((time.perf_counter() - begin) * 1000, 2)
        if out.getvalue():
            result["output"] = out.getvalue()[:MAX_OUTPUT]
        self.results.append(result)

    def case(self, kind, prefix):
        """A `unittest.TestCase`."""
        loader = unittest.TestLoader()
        names = loader.getTestCaseNames(kind)
        fixtures = {"ready": False}

        def run(name):
            if not fixtures["ready"]:
                kind.setUpClass()
                fixtures["ready"] = True
            result = unittest.TestResult()
            test = kind(name)
            errors = []
            for event in ("addError", "addFailure"):
                setattr(result, event, lambda _, error: errors.append(error[1]))
            result.addSubTest = lambda _, sub, error: error and errors.append(error[1])
            skipped = []
            result.addSkip = lambda _, reason: skipped.append(reason)
            result.addExpectedFailure = lambda *_: None
            result.addUnexpectedSuccess = lambda *_: errors.append(AssertionError("it passed, but a failure was expected"))
            test.run(result)
            if skipped:
                raise Skipped(skipped[0])
            if errors:
                raise errors[0]

        for name in names:
            self.one(f"{prefix}{kind.__name__}.{name}", functools.partial(run, name))
        if fixtures["ready"]:
            kind.tearDownClass()

    def function(self, name, function, namespace):
        """A function, once for each set of parameters."""
        marks = getattr(function, "__marks__", [])
        sets = [{}]
        for kind, values, _ in marks:
            if kind == "parametrize":
                names = values[0].replace(" ", "").split(",") if isinstance(values[0], str) else list(values[0])
                rows = [row if len(names) > 1 else (row,) for row in values[1]]
                sets = [{**one, **dict(zip(names, row))} for one in sets for row in rows]
        for parameters in sets:
            shown = "[" + "-".join(str(value)[:40] for value in parameters.values()) + "]" if parameters else ""
            self.one(name + shown, functools.partial(self.call, function, parameters, namespace, marks))

    def call(self, function, parameters, namespace, marks):
        for kind, values, named in marks:
            if kind == "skip" or (kind == "skipif" and values and values[0]):
                raise Skipped(named.get("reason", values[0] if kind == "skip" and values else ""))
        with contextlib.ExitStack() as stack:
            made = {}

            def value(name):
                if name in parameters:
                    return parameters[name]
                if name not in made:
                    made[name] = make(name)
                return made[name]

            def make(name):
                if name == "monkeypatch":
                    patch = MonkeyPatch()
                    stack.callback(lambda: [undo() for undo in reversed(patch.undo)])
                    return patch
                if name == "tmp_path":
                    return pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=".")))
                if name == "capsys":
                    return Captured()
                source = namespace.get(name)
                if not hasattr(source, "__fixture__"):
                    raise AssertionError(f"there is no fixture `{name}`")
                made_of = {one: value(one) for one in inspect.signature(source).parameters}
                result = source(**made_of)
                if inspect.isgenerator(result):
                    stack.callback(next, result, None)
                    return next(result)
                return result

            for name, one in namespace.items():
                if getattr(one, "__fixture__", {}).get("autouse"):
                    value(name)
            needed = [name for name, one in inspect.signature(function).parameters.items() if one.default is one.empty]
            call = functools.partial(function, **{name: value(name) for name in {*needed, *parameters}})
            xfail = any(kind == "xfail" for kind, _, _ in marks)
            try:
                result = call()
                if inspect.iscoroutine(result):
                    asyncio.run(result)
            except Exception:
                if not xfail:
                    raise

    def module(self, module, prefix="", known=()):
        """Everything in a module that is a test, but for what is known from elsewhere."""
        namespace = module.__dict__
        for name, one in list(namespace.items()):
            if id(one) in known:
                continue
            if inspect.isclass(one) and issubclass(one, unittest.TestCase) and one.__module__ == module.__name__:
                self.case(one, prefix)
            elif inspect.isclass(one) and name.startswith("Test") and not issubclass(one, unittest.TestCase):
                for method in [method for method in dir(one) if method.startswith("test")]:
                    self.method(f"{prefix}{name}.{method}", one, method, namespace)
            elif inspect.isfunction(one) and name.startswith("test") and not hasattr(one, "__fixture__"):
                self.function(prefix + name, one, namespace)

    def method(self, name, kind, method, namespace):
        function = getattr(kind, method)
        own = {key: getattr(kind, key) for key in dir(kind)}

        @functools.wraps(function)
        def run(**values):
            instance = kind()
            getattr(instance, "setup_method", lambda *_: None)()
            try:
                return function(instance, **values)
            finally:
                getattr(instance, "teardown_method", lambda *_: None)()

        signature = inspect.signature(function)
        run.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
        del run.__wrapped__
        fixtures = {key: functools.partial(one, None) for key, one in own.items() if hasattr(one, "__fixture__")}
        for key, one in fixtures.items():
            one.__fixture__ = own[key].__fixture__
        self.function(name, run, {**namespace, **fixtures})

    def examples(self, module, prefix=""):
        """The examples of docstrings, each a test."""
        finder = doctest.DocTestFinder(exclude_empty=True)
        for test in finder.find(module, module.__name__, module=False, globs=module.__dict__):
            for at, example in enumerate(test.examples, 1):
                source = example.source.strip()
                self.one(f"{prefix}{test.name.split('.', 1)[-1]} example {at}: {source[:80]}", functools.partial(self.example, test, example))

    def example(self, test, example):
        out = sys.stdout
        try:
            code = compile(example.source, "<example>", "single")
            shown, old = io.StringIO(), sys.displayhook
            sys.stdout, sys.displayhook = shown, lambda value: value is None or print(repr(value))
            try:
                exec(code, test.globs)
            finally:
                sys.stdout, sys.displayhook = out, old
        except Exception as error:
            got = f"Traceback (most recent call last):\n{type(error).__name__}: {error}\n"
            if example.exc_msg is None:
                raise
            if example.exc_msg.split(":")[0] != type(error).__name__:
                raise
            return
        got, flags = shown.getvalue(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        if not doctest.OutputChecker().check_output(example.want, got, flags) and not alike(example.want, got):
            raise AssertionError(f"{example.source.strip()}\n  expected: {example.want.strip()}\n  got:      {short(got.strip())[1:-1]}")


def alike(want, got):
    """Whether both are the same value, written otherwise."""
    try:
        want, got = ast.literal_eval(want.strip()), ast.literal_eval(got.strip())
    except Exception:
        return False
    return want == got or (isinstance(want, float) and want == Approx(got))


def files(path):
    """The files of tests at or below a path."""
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__")))
        found += [os.path.join(folder, one) for one in sorted(names) if one.endswith(".py") and (one.startswith("test") or one.endswith("_test.py"))]
    return found


def run(code="", tests="", path="", seconds=5.0):
    sys.modules["pytest"] = pytest
    runner = Runner(seconds)

    def loading(name, source, module):
        begin = len(runner.results)
        runner.one(name, lambda: load(source(), name, module))
        loaded = runner.results.pop(begin)
        if loaded["status"] == "failed":
            loaded["name"] = f"loading {name}"
            runner.results.append(loaded)
        return loaded["status"] == "passed"

    if path:
        found = files(os.path.join("/workspace", path))
        for one in found:
            sys.path[:0] = [os.path.dirname(one), "/workspace"]
            module = types.ModuleType(os.path.basename(one).removesuffix(".py"))
            sys.modules[module.__name__] = module
            shown = os.path.relpath(one, "/workspace")
            if loading(shown, lambda: open(one, encoding="utf-8").read(), module):
                prefix = f"{shown}: " if len(found) > 1 else ""
                runner.module(module, prefix)
                runner.examples(module, prefix)
    else:
        module = types.ModuleType("code")
        module.__name__ = "solution"
        sys.modules["solution"] = module
        if loading("code", lambda: code, module):
            runner.module(module)
            runner.examples(module)
            if tests.strip():
                sys.meta_path.append(CodeUnderTest(module))
                own = types.ModuleType("tests")
                sys.modules["tests"] = own
                own.__dict__.update({name: one for name, one in module.__dict__.items() if not name.startswith("__")})
                if loading("tests", lambda: tests, own):
                    runner.module(own, known={id(one) for one in module.__dict__.values()})
    print("\n\x1eTESTS " + json.dumps(runner.results))
