"""Calls that run beside the computation, one after another, in a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Call = Callable[[], None]


class Background:
    """A queue of calls and the thread that makes them.

    HDF5 lets other threads compute while it writes. Where the computation is as free, on a GPU or in linear
    algebra, writing then costs no time.

    Args:
        depth: Calls that may wait; `do` waits when there are more, so that memory stays bounded.
    """

    def __init__(self, depth: int = 4) -> None:
        self._calls: queue.Queue[Call | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="engram-writer", daemon=True)
        self._thread.start()

    def do(self, call: Call) -> None:
        """Have a call made after those before it.

        Raises:
            BaseException: What a call before raised; after it no other is made.
        """
        self._raise()
        self._calls.put(call)

    def wait(self) -> None:
        """Return when all calls are made.

        Raises:
            BaseException: What one of them raised.
        """
        self._calls.join()
        self._raise()

    def close(self) -> None:
        """Make the calls that wait, and end the thread."""
        if self._thread.is_alive():
            self._calls.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._error is None:
                try:
                    call()
                except BaseException as error:  # it is raised where the next call is asked for
                    self._error = error
            self._calls.task_done()
