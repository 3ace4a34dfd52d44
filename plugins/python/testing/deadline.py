"""An end for what runs too long."""

import contextlib
import sys
import time

EVENTS_PER_LOOK = 500


class TooLong(BaseException):
    """Raised in code that runs past its time; no `except Exception` holds it."""


@contextlib.contextmanager
def deadline(seconds):
    """Ends what runs for longer, also where it never gives the floor back."""
    monitoring, tool = sys.monitoring, sys.monitoring.DEBUGGER_ID
    until, seen = time.monotonic() + seconds, 0

    def look(*_):
        nonlocal seen
        seen += 1
        if seen % EVENTS_PER_LOOK == 0 and time.monotonic() > until:
            raise TooLong(f"it took longer than {seconds:g} s")

    monitoring.use_tool_id(tool, "tests")
    events = monitoring.events.JUMP | monitoring.events.PY_START | monitoring.events.BRANCH_LEFT
    for event in (monitoring.events.JUMP, monitoring.events.PY_START, monitoring.events.BRANCH_LEFT):
        monitoring.register_callback(tool, event, look)
    monitoring.set_events(tool, events)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
