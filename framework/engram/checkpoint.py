"""What a run must remember to go on bit for bit: arrays, since streams and fixed fields are made anew."""

from __future__ import annotations

import attrs
import numpy as np

from .components import Signal
from .engine import Run
from .errors import EngramError
from .record import Host


def snapshot(run: Run) -> dict[str, Host]:
    """Return host copies of everything that the steps of a run have changed, by name; states are settled."""
    arrays = {slot.path: slot.value for slot in run.slots}
    arrays["clock.trial"] = run.streams.clock.trial
    if run.signal is not None:
        arrays |= {f"signal.{field.name}": getattr(run.signal, field.name) for field in attrs.fields(Signal)}
    if run.freezing:
        arrays |= {"done": run.done, "ends": run.ends}
    host = {name: run.backend.to_host(value) for name, value in arrays.items()}
    trials = {f"trials.{name}": value for name, value in run.trials.carried.items()}
    return {**host, **trials, "step": np.asarray(run.step), "events": np.asarray(run.counted)}


def restore(run: Run, arrays: dict[str, Host]) -> None:
    """Put a run, fresh from `prepare`, where `snapshot` found it.

    Raises:
        EngramError: An array is missing or has another shape: a component has changed since.
    """
    device = {name: run.backend.xp.asarray(value) for name, value in arrays.items()}
    for slot in run.slots:
        if slot.path not in device or device[slot.path].shape != slot.value.shape:
            raise EngramError(f"{slot.path}: is not in the checkpoint as it is here; its plugin has changed")
        slot.value[...] = device[slot.path]
    run.streams.clock.trial = device["clock.trial"]
    run.streams.clock.version += 1
    if "signal.reward" in device:
        run.signal = Signal(*(device[f"signal.{field.name}"] for field in attrs.fields(Signal)))
    if run.freezing:
        run.done, run.ends = device["done"], device["ends"]
    run.trials.carried = {name: arrays[f"trials.{name}"] for name in run.trials.carried}
    run.step, run.counted = int(arrays["step"]), int(arrays["events"])
