"""Plays a schedule and hands over its signals as host arrays, time leading."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from engram import Signal
from engram.testing.playback import Driver


def signals_of(task: Any, steps: int, *, batch: int = 1, chunk: int | None = None, **options: Any) -> Signal:
    """Return (steps, batch, ...) signals of a task, asked for in chunks."""
    options = {"dt": task.timeline.dt, "dtype": np.dtype("float64")} | options
    driver = Driver(task, batch, **options)
    driver.state = _fresh(driver)
    sizes = [chunk or steps] * (steps // (chunk or steps))
    sizes += [steps - sum(sizes)] * (steps > sum(sizes))
    parts = [task.schedule(driver.state, size) for size in sizes]
    columns = {
        field.name: np.concatenate([np.array(getattr(part, field.name)) for part in parts])
        for field in attrs.fields(Signal)
    }
    return Signal(**columns)


def _fresh(driver: Driver) -> Any:
    """The driver has taken the first signal already: stand before it again."""
    state = driver.state
    state.trial[...], state.elapsed[...] = 0, -1
    return state


@pytest.fixture(scope="session")
def signals() -> Any:
    """`signals(task, steps, batch=2, chunk=7)`."""
    return signals_of
