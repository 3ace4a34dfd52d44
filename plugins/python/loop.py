"""An event loop for a world without sockets: timers, tasks and futures, nothing to select on."""

import asyncio
import time


class Idle:
    """Stands where a selector would: waits, and never has an event."""

    def select(self, timeout):
        if timeout is None:
            raise RuntimeError("every task waits for something that cannot happen here")
        if timeout > 0:
            time.sleep(timeout)
        return []


class Loop(asyncio.BaseEventLoop):
    """Runs coroutines on one thread, with time as the only thing to wait for."""

    def __init__(self):
        super().__init__()
        self._selector = Idle()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


class Policy(asyncio.events._AbstractEventLoopPolicy):
    """Hands out such loops."""

    def __init__(self):
        self._loop = None

    def get_event_loop(self):
        if self._loop is None:
            raise RuntimeError("there is no current event loop")
        return self._loop

    def set_event_loop(self, loop):
        self._loop = loop

    def new_event_loop(self):
        return Loop()


def install():
    """Makes `asyncio.run` use it."""
    asyncio.events._set_event_loop_policy(Policy())
