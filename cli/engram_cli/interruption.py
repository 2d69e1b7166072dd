"""Ctrl-C, and the SIGTERM by which a batch system ends a job, both stop a run in good order."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class Interruption:
    """While it is entered, both signals raise KeyboardInterrupt.

    A library that is called back by C code may lose that exception; so the signal is remembered, and `check`
    raises it once more.
    """

    def __init__(self) -> None:
        self._noticed = False
        self._before: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Stop now if a signal came.

        Raises:
            KeyboardInterrupt: One came.
        """
        if self._noticed:
            raise KeyboardInterrupt

    def __enter__(self) -> Interruption:
        """Take over the signals, save those that the parent process wants ignored (a background job)."""
        for kind in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(kind) is not signal.SIG_IGN:
                self._before[kind] = signal.signal(kind, self._notice)
        return self

    def __exit__(self, *failure: object) -> None:
        """Give the signals back."""
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self._noticed = True
        raise KeyboardInterrupt
