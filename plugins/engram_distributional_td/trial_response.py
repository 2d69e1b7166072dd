"""Mean value and TD error at given times of a trial, for each type of trial."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

import engram
from engram import EngramError

from .sample import DELTA, REWARD, VALUE, Outcomes, Sample, Timing, aligned, outcomes
from .schedule import Host, event_steps, step_of, type_names

_BARS = 12
_NAMES = {VALUE: "value", DELTA: "delta"}
_LABELS = {"value": "value (reward)", "delta": "TD error (reward)"}


@engram.parameters
class Responses(Sample):
    """Of which trials, and when."""

    at: tuple[float, ...] | None = engram.param(
        default=None,
        ge=0,
        lt=math.inf,
        unit="s",
        doc="times within the trial; those at which a stimulus or an outcome may come if absent",
    )
    trials: int = engram.param(default=1, ge=1, doc="number of trials of each type and replica in the mean")
    take: Literal["last", "first"] = engram.param(
        default="last", doc="the last of these trials, or the first"
    )


def compute(run: Any, settings: Responses) -> dict[str, Host]:
    """Return V and the TD error at given times, the mean over trials, replicas and predictors.

    Returns:
        type (type,) names; time (time,) in s within the trial; value and delta (type, time), nan where no
        row was recorded; value_by_predictor and delta_by_predictor (type, time, predictor). What of value
        and TD error was not recorded is left out. With the TD error and the reward: reward_time
        (reward_time,) in s; delta_at_reward (reward_time,), the mean TD error of the rewards that came then;
        slope, the least-squares slope of the TD error at a reward over its time, per s, nan if all come at
        one time.
    """
    recorded = [path for path in _NAMES if path in run]
    if not recorded:
        raise EngramError(f"holds neither {VALUE} nor {DELTA}; record one of them")
    codes = [int(code) for code in np.unique(settings.table(run)["outcome"])]
    moments = _moments(run, settings, recorded[0])
    names = type_names(run)
    result = {
        "type": np.array([names[code] if 0 <= code < len(names) else str(code) for code in codes]),
        "time": moments * step_of(run),
    }
    for path in recorded:
        found = [aligned(run, path, _trials(run, settings, path, code), moments=moments) for code in codes]
        every = np.stack([item.overall for item in found])
        result |= {_NAMES[path]: every.mean(axis=2), f"{_NAMES[path]}_by_predictor": every}
    if DELTA in run and REWARD in run:
        result |= _at_rewards([outcomes(run, _trials(run, settings, DELTA, code)) for code in codes], run)
    return result


def _moments(run: Any, settings: Responses, path: str) -> Host:
    if settings.at == ():
        raise EngramError("at: names no time; give some, such as -o at=[2.0], or leave it out")
    if settings.at is not None:
        return np.unique([round(time / step_of(run)) for time in settings.at])
    kept = np.intersect1d(event_steps(run), settings.timing(run, path).moments)
    if not len(kept):
        raise EngramError("at: no row was recorded where anything happens; give times, such as -o at=[2.0]")
    return kept


def _trials(run: Any, settings: Responses, path: str, code: int) -> Timing:
    found = settings.of_type(code).timing(run, path)
    return found.at_edge(settings.trials, first=settings.take == "first")


def _at_rewards(found: list[Outcomes], run: Any) -> dict[str, Host]:
    time = np.concatenate([item.moment for item in found]) * step_of(run)
    error = np.concatenate([item.error.mean(axis=1) for item in found])
    known, place, count = np.unique(time, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=error, minlength=len(known)) / count
    return {"reward_time": known, "delta_at_reward": mean, "slope": np.array(_slope(time, error))}


def _slope(x: Host, y: Host) -> float:
    """Return the least-squares slope; nan where x does not vary."""
    away = x - x.mean() if len(x) else x
    spread = float(away @ away)
    return float(away @ y) / spread if spread > 1e-12 else float("nan")


def picture(result: Any, figure: Any) -> None:
    """Draw value and TD error against the time, a colour for each type of trial, bars where times are few.

    Where rewards come at different times, also the TD error at a reward against its time.
    """
    shown = [name for name in _LABELS if name in result]
    timed = len(result.get("reward_time", ())) > 1
    figure.set_size_inches(6.4, 2.4 * (len(shown) + timed) + 0.6)
    every = figure.subplots(len(shown) + timed, squeeze=False)[:, 0]
    for axes, name in zip(every, shown, strict=False):
        _draw(axes, result, result[name])
        axes.axhline(0, color="0.5", linewidth=0.8, zorder=0)
        axes.set_ylabel(_LABELS[name])
        axes.set_xlabel("time within the trial (s)")
    if len(result["type"]) > 1:
        figure.legend(*every[0].get_legend_handles_labels(), loc="outside right upper", title="trial")
    if timed:
        every[-1].plot(result["reward_time"], result["delta_at_reward"], "o-", color="0.2")
        every[-1].set_xlabel("time of the reward within the trial (s)")
        every[-1].set_ylabel("TD error at it (reward)")
        every[-1].set_title(f"slope {float(result['slope']):.3g} reward/s", fontsize="medium")


def _draw(axes: Any, result: Any, values: Host) -> None:
    types, times = result["type"], result["time"]
    few = len(times) <= _BARS
    width = 0.8 / len(types)
    for index, kind in enumerate(types):
        if few:
            place = np.arange(len(times)) + (index - (len(types) - 1) / 2) * width
            axes.bar(place, values[index], width, label=str(kind))
        else:
            axes.plot(times, values[index], ".-", label=str(kind))
    if few:
        axes.set_xticks(range(len(times)), [f"{time:g}" for time in times])


responses = engram.Analysis(
    "responses",
    "mean value and TD error at given times of each type of trial",
    compute,
    picture,
    settings=Responses,
)
