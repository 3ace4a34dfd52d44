"""Runs tests in the style of unittest, pytest and doctest, and prints what came of each as JSON.

The test runner (plugins/test-runner) calls it, by way of the tool `python`.
"""

from testing.runner import run

__all__ = ["run"]
