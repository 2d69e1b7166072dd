"""Experiments saved by drl_sim, read as runs.

drl_sim (github.com/siddharth-r-tiwari/drl_sim, commit f496298) saves a dict with V (predictor, type, trial,
step), the errors `deltas` of its steps but the last, the rewards r (type, trial, step), the type of each
trial, dt and what the predictors learn with. Its delta_t and r_t belong to leaving step t, ours to arriving
at it:

    value(t) = V_t,  delta(t + 1) = deltas_t,  reward(t + 1) = r_t,  delta(0) = reward(0) = 0     (1)

It saves no weights and no stimuli. The stimuli of its `init` are serial compounds, one unit a step from the
cue on, so that V_t is the weight of the unit of step t, and the cue comes at the first step at which V ever
differs from 0. The weights after a trial then follow from V and deltas in it, with alpha and lambda to the
power dt:

    z_t = alpha^+- deltas_t / max(1, sum_{k <= t - cue} lambda^k)                                 (2)
    G_t = z_t + lambda G_{t+1},  w_t = V_t + G_t                                                  (3)

They must be V of the next trial of the type. Where they are not, the stimuli were others, and nothing says
which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from engram import EngramError

from .torch_file import Rebuilt, load

Host = np.ndarray[Any, Any]
_TOLERANCE = 1e-4
_BLOCK = 256
_KEYS = ("V", "deltas", "T", "r", "dt", "states", "alpha", "gamma", "lmbda")


@attrs.frozen(eq=False)
class Experiment:
    """What drl_sim saved, of the types that were presented.

    Attributes:
        value: (trial, step, predictor) V.
        delta: (trial, step - 1, predictor) errors.
        reward: (type, trial, step) as drawn, presented or not.
        states: (trial,) type of each trial.
        dt: Length of a step in s.
        rates: alpha_plus, alpha_minus, gamma and lam as given, (predictor,) float64 each.
        cues: Step of each type's cue; None where nothing was learnt of it.
    """

    value: Host
    delta: Host
    reward: Host
    states: Host
    dt: float
    rates: dict[str, Host]
    cues: list[int | None]

    @property
    def power(self) -> dict[str, Host]:
        """What the predictors learn with in each step."""
        return {name: values**self.dt for name, values in self.rates.items()}

    def trials_of(self, kind: int) -> Host:
        """Return the trials of a type, in order."""
        return np.flatnonzero(self.states == kind)


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Read an experiment that drl_sim saved (.pth).

    Args:
        path: A file that torch.save has written, torch 1.6 or later.

    Returns:
        It as a run: recipe, records, trials and final state, as an importer gives them.

    Raises:
        EngramError: It is no such file, holds anything but plain data, or no experiment of drl_sim.
    """
    saved = load(path)
    try:
        return imported(experiment(saved), path.name)
    except EngramError as error:
        raise EngramError(f"{path}: {error}") from None


def experiment(saved: Any) -> Experiment:
    """Check what was saved.

    Raises:
        EngramError: A key is missing, or has a value of another form than drl_sim gives it.
    """
    if type(saved) is not dict or not set(_KEYS) <= saved.keys():
        absent = ", ".join(key for key in _KEYS if type(saved) is not dict or key not in saved)
        raise EngramError(f"is no experiment of drl_sim: it has no {absent}; save what `sim` returns")
    saved = {key: item.value if isinstance(item, Rebuilt) else item for key, item in saved.items()}
    value = _array(saved, "V", (None, None, None, None))
    predictors, types, trials, steps = value.shape
    if steps < 2:
        raise EngramError(f"V has {steps} step, but a trial has 2 or more; save what `sim` returns")
    delta = _array(saved, "deltas", (predictors, types, trials, steps - 1))
    states = _states(saved["states"], trials, types)
    shown = _presented(value, states)
    return Experiment(
        shown,
        _presented(delta, states),
        _rewards(saved, (types, trials, steps)),
        states,
        _seconds(saved),
        _rates(saved, predictors),
        [_cue(shown[states == kind]) for kind in range(types)],
    )


def _presented(values: Host, states: Host) -> Host:
    """Turn (predictor, type, trial, step) into (trial, step, predictor) of the type presented."""
    # Two arrays of indices side by side make one axis in their place.
    return np.ascontiguousarray(values[:, states, np.arange(len(states))].transpose(1, 2, 0))


def _cue(value: Host) -> int | None:
    """Return the first step at which a value (trial, step, predictor) differs from 0."""
    steps = np.flatnonzero(value.any(axis=(0, 2)))
    return int(steps[0]) if len(steps) else None


def imported(found: Experiment, name: str) -> dict[str, dict[str, Any]]:
    """Return an experiment as a run.

    Args:
        found: The experiment.
        name: What the title calls it.

    Raises:
        EngramError: No value differs from 0, so that the time of the cue cannot be told.
    """
    if not any(cue is not None for cue in found.cues):
        raise EngramError(
            "V is 0 throughout, so nothing tells when the cue came; save an experiment of more trials"
        )
    trials, steps, predictors = found.value.shape
    known = _follows(found)
    title = f"{name} of drl_sim, {trials} trials"
    reward = np.zeros((trials, steps), dtype=found.value.dtype)
    reward[:, 1:] = found.reward[found.states, np.arange(trials), :-1]
    delta = np.zeros_like(found.value)
    delta[:, 1:] = found.delta
    rows = (trials * steps, 1, predictors)
    return {
        "recipe": _recipe(found, title if known else f"{title}, stimuli unknown"),
        "records": {
            "memory.value": found.value.reshape(rows),
            "memory.delta": delta.reshape(rows),
            "task.reward": reward.reshape(rows[:2]),
        },
        "trials": _trials(found.states, reward),
        "final": _final(found, delta, known),
    }


def _recipe(found: Experiment, title: str) -> dict[str, Any]:
    trials, steps, predictors = found.value.shape
    names = [str(kind) for kind in range(len(found.reward))]
    kinds = {names[kind] for kind in found.states}
    return {
        "title": title,
        "run": {"steps": trials * steps, "dt": found.dt, "dtype": str(found.value.dtype)},
        "task": {
            "use": "conditioning",
            "dt": found.dt,
            "trial": _time(steps - 1, found.dt),
            "semantics": "drl_sim",
            "private": True,
            "code": "active",
            "stimuli": [{"name": "cue"}],
            "outcomes": [{"name": "reward"}],
            "types": [{"name": names[kind], "events": _events(found, kind)} for kind in range(len(names))],
            "phases": [
                {
                    "order": "given",
                    "trials": trials,
                    "sequence": [*kinds] if len(kinds) == 1 else [names[kind] for kind in found.states],
                }
            ],
        },
        "memory": {
            "use": "distributional-td",
            "semantics": "drl_sim",
            "predictors": predictors,
            **{name: _brief(values) for name, values in found.rates.items()},
        },
        "record": {"variables": ["memory.value", "memory.delta", "task.reward"]},
    }


def _events(found: Experiment, kind: int) -> list[dict[str, Any]]:
    """Return the cue and the outcomes of a type; by drl_sim's clock both are a step later."""
    cue = found.cues[kind]
    events: list[dict[str, Any]] = (
        [] if cue is None else [{"stimulus": "cue", "at": _time(cue + 1, found.dt)}]
    )
    sizes = found.reward[kind, :, :-1]
    for step in np.flatnonzero(sizes.any(axis=0)).tolist():
        at = _time(step + 1, found.dt)
        events.append({"outcome": "reward", "at": at, "size": _brief(sizes[:, step].astype(float))})
    return events


def _brief(values: Host) -> float | list[float]:
    """One number where all are the same."""
    listed: list[float] = values.tolist()
    return listed[0] if len(set(listed)) == 1 else listed


def _time(steps: int, dt: float) -> float:
    return float(f"{steps * dt:.9g}")


def _trials(states: Host, reward: Host) -> dict[str, Host]:
    trials, steps = reward.shape
    number = np.arange(trials)
    return {
        "replica": np.zeros(trials, dtype=np.int32),
        "number": number.astype(np.int32),
        "start_step": number * steps,
        "stop_step": number * steps + steps - 1,
        "return_": reward.astype(float).cumsum(axis=1)[:, -1],
        "outcome": states.astype(np.int8),
        "truncated": np.zeros(trials, dtype=bool),
    }


def _final(found: Experiment, delta: Host, known: bool) -> dict[str, Host]:
    """Return the state after the last step; the weights only where the stimuli are known."""
    rates, power = found.rates, found.power
    total = rates["alpha_plus"] + rates["alpha_minus"]
    arrays = {
        **rates,
        "tau": np.divide(rates["alpha_plus"], total, out=np.full_like(total, np.nan), where=total > 0),
        "up": power["alpha_plus"],
        "down": power["alpha_minus"],
        "discount": power["gamma"],
        "decay": power["lam"],
        "value": found.value[-1, -1],
        "delta": delta[-1, -1],
        **({"w": _weights(found)} if known else {}),
    }
    return {f"memory.{name}": array[np.newaxis] for name, array in arrays.items()}


def _weights(found: Experiment) -> Host:
    """Return (feature, predictor): from the cue to the end of the trial, type after type."""
    shown = ((kind, cue) for kind, cue in enumerate(found.cues) if cue is not None)
    return np.concatenate([_after(found, cue, found.trials_of(kind)[-1:])[0] for kind, cue in shown])


def _follows(found: Experiment) -> bool:
    """Whether V of each trial is what equation (3) makes of the trial of its type before it."""
    tolerance = _TOLERANCE * max(np.abs(found.value).max(), np.abs(found.reward).max())
    for kind, cue in enumerate(found.cues):
        trials = found.trials_of(kind)
        for first in range(0, len(trials) - 1 if cue is not None else 0, _BLOCK):
            before, after = trials[first : first + _BLOCK], trials[first + 1 : first + _BLOCK + 1]
            difference = _after(found, cue or 0, before[: len(after)]) - found.value[after, cue:]
            if not (np.abs(difference) <= tolerance).all():
                return False
    return True


def _after(found: Experiment, cue: int, trials: Host) -> Host:
    """Equation (3), (trial, step, predictor) from the cue on."""
    power, decay = found.power, found.power["lam"]
    w = found.value[trials, cue:].astype(float)
    delta = found.delta[trials, cue:].astype(float)
    mass = np.cumsum([decay**k for k in range(delta.shape[1])], axis=0)
    gain = np.zeros_like(delta[:, 0])
    # An experiment may have diverged.
    with np.errstate(over="ignore", invalid="ignore"):
        credit = np.where(delta > 0, power["alpha_plus"], power["alpha_minus"]) * delta / np.maximum(mass, 1)
        for step in reversed(range(delta.shape[1])):
            gain = credit[:, step] + decay * gain
            w[:, step] += gain
    return w


def _array(saved: Mapping[str, Any], key: str, shape: tuple[int | None, ...]) -> Host:
    """Return a floating-point array, float32 at least; None in `shape` is any length."""
    value = saved[key]
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise EngramError(f"{key} is no tensor of floating-point numbers; save what `sim` returns")
    if len(value.shape) != len(shape) or any(
        n not in (None, m) for n, m in zip(shape, value.shape, strict=True)
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise EngramError(f"{key} has the shape {value.shape}, not ({wanted}); save what `sim` returns")
    return value.astype(np.result_type(value.dtype.newbyteorder("="), np.float32), copy=False)


def _states(listed: Any, trials: int, types: int) -> Host:
    if type(listed) is not list or len(listed) != trials:
        raise EngramError(f"states is no list of {trials} types of trial; save what `sim` returns")
    if not all(isinstance(item, int | np.integer) and 0 <= item < types for item in listed):
        raise EngramError(
            f"states has what is no type of trial from 0 to {types - 1}; save what `sim` returns"
        )
    return np.array([int(item) for item in listed])


def _rewards(saved: Mapping[str, Any], shape: tuple[int, int, int]) -> Host:
    found = _array(saved, "r", shape)
    if not np.isfinite(found).all():
        raise EngramError("r has rewards that are not finite; save what `sim` returns")
    return found


def _seconds(saved: Mapping[str, Any]) -> float:
    found = _numbers(saved, "dt")
    if found.size != 1 or not 0 < found.item() < math.inf:
        raise EngramError("dt is no length of a step in s; save what `sim` returns")
    return float(found.item())


def _rates(saved: Mapping[str, Any], predictors: int) -> dict[str, Host]:
    """Return what each predictor learns with; one alpha is that of either sign."""
    alpha = _numbers(saved, "alpha")
    plus, minus = alpha.T if alpha.ndim == 2 and alpha.shape[1] == 2 else (alpha, alpha)
    given = {"alpha_plus": plus, "alpha_minus": minus}
    given |= {"gamma": _numbers(saved, "gamma"), "lam": _numbers(saved, "lmbda")}
    for name, values in given.items():
        if values.size not in (1, predictors) or not ((values >= 0) & (values <= 1)).all():
            wanted = f"one number from 0 to 1, or one for each of {predictors} predictors"
            raise EngramError(f"{name} is not {wanted}; save what `sim` returns")
    return {name: np.broadcast_to(values.ravel(), predictors) for name, values in given.items()}


def _numbers(saved: Mapping[str, Any], key: str) -> Host:
    value = saved[key]
    if not isinstance(value, int | float | np.number | np.ndarray) or isinstance(value, bool):
        raise EngramError(f"{key} is no number and no tensor; save what `sim` returns")
    try:
        return np.asarray(value, dtype=float)
    except OverflowError:
        raise EngramError(f"{key} is too large; save what `sim` returns") from None
