"""Whether rules on NumPy arrays run as array code or with Numba; the bits are the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Literal

from ..backend import has_numba

Choice = Literal["auto", "numpy", "numba"]
LARGE = 1 << 16
"""Elements from which on `auto` finds it worth to compile."""

_choice: Choice = "auto"


def choice() -> Choice:
    """The present choice."""
    return _choice


def threads() -> int:
    """Threads that a rule on large arrays may take: NUMBA_NUM_THREADS, or one."""
    return int(os.environ.get("NUMBA_NUM_THREADS", "1"))


def wants_numba(size: int) -> bool:
    """Whether a rule on so many elements runs with Numba."""
    return _choice == "numba" or (_choice == "auto" and size >= LARGE and has_numba())


@contextlib.contextmanager
def chosen(name: Choice) -> Iterator[None]:
    """Choose for all rules called inside."""
    global _choice
    before, _choice = _choice, name
    try:
        yield
    finally:
        _choice = before
