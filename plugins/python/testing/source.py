"""Code and tests as modules, and their errors as their author reads them."""

import _ast_unparse  # noqa: F401  (`ast` would look for it when it is first used)
import ast
import importlib.abc
import importlib.machinery
import linecache
import sys
import traceback

from testing.deadline import TooLong


class Asserts(ast.NodeTransformer):
    """`assert f(x) == y` says what both sides were."""

    def visit_Assert(self, node):
        test = node.test
        if node.msg or not isinstance(test, ast.Compare) or len(test.ops) != 1:
            return node
        code = ast.parse("__left__ = 0\n__right__ = 0\nassert 0, __unequal__('', '', __left__, __right__)").body
        code[0].value, code[1].value = test.left, test.comparators[0]
        code[2].test = ast.Compare(ast.Name("__left__", ast.Load()), test.ops, [ast.Name("__right__", ast.Load())])
        code[2].msg.args[0] = ast.Constant(ast.unparse(test))
        code[2].msg.args[1] = ast.Constant(isinstance(test.comparators[0], ast.Constant))
        for part in code:
            ast.copy_location(part, node)
            ast.fix_missing_locations(part)
        return code


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def unequal(test, is_constant, left, right):
    return f"{test}\n  left:  {short(left)}" + ("" if is_constant else f"\n  right: {short(right)}")


class CodeUnderTest(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Tests may import the code under any name that nothing else has."""

    def __init__(self, module):
        self.module = module

    def find_spec(self, name, path, target=None):
        if name in sys.stdlib_module_names or "." in name:
            return None
        return importlib.machinery.ModuleSpec(name, self)

    def create_module(self, spec):
        return self.module

    def exec_module(self, module):
        pass


SOURCES = set()


def load(source, name, module):
    """Runs source as a module of that file name."""
    SOURCES.add(name)
    linecache.cache[name] = (len(source), None, [line + "\n" for line in source.splitlines()], name)
    tree = ast.fix_missing_locations(Asserts().visit(ast.parse(source, name)))
    module.__dict__["__unequal__"] = unequal
    module.__dict__["__file__"] = name
    exec(compile(tree, name, "exec"), module.__dict__)
    return module


def describe(error):
    """The message, with the frames of code and tests and nothing of what runs them."""
    if isinstance(error, TooLong):
        return str(error)
    summary = traceback.TracebackException.from_exception(error, lookup_lines=False)
    own = [frame for frame in summary.stack if frame.filename in SOURCES or frame.filename.startswith("/workspace")]
    summary.stack = traceback.StackSummary.from_list(own[-5:])
    summary.__cause__ = summary.__context__ = None
    return "".join(summary.format()).removeprefix("Traceback (most recent call last):\n").rstrip()
