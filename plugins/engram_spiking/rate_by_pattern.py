"""Whether exclusive or was learnt: firing of the output for each pattern, against that of frozen weights.

Florian 2007, Neural Computation 19:1468: a network has learnt where in the last epoch of training

    margin = min(f{0,1}, f{1,0}) - f{1,1} > 0                             (1)

f being the mean rate of the output. Since a spike earns +1 or -1, f is the size of a trial's return over its
length. Replicas with the same random numbers whose weights are frozen are the control: with a sweep of
`memory.plasticity` that includes 0, replica i of each point is compared with replica i of that one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import engram
from engram import EngramError

Host = np.ndarray[Any, Any]
PATTERNS = ("{0,0}", "{0,1}", "{1,0}", "{1,1}")


def rates_of(run: Any) -> Host:
    """Return (replica, epoch, pattern) mean rates of the output in Hz.

    Raises:
        EngramError: The run has no whole epoch, or no table of all trials.
    """
    tables = run.tables()
    if "trials" not in tables:
        raise EngramError("holds no table of trials; record it with record.trials = true")
    names = ("replica", "number", "outcome", "start_step", "stop_step", "return_")
    trials = {name: tables["trials"].read(name) for name in names}
    epochs = int(trials["number"].max(initial=-1) + 1) // len(PATTERNS)
    kept = trials["number"] < epochs * len(PATTERNS)
    if kept.sum() < max(1, run.batch * epochs * len(PATTERNS)):
        raise EngramError(
            "needs an epoch of all patterns of all replicas; run longer, with record.trials = true"
        )
    replica, number, outcome, start, stop, returned = (values[kept] for values in trials.values())
    rates = np.full((run.batch, epochs, len(PATTERNS)), np.nan)
    seconds = (stop - start) * float(run.recipe["run"]["dt"])
    rates[replica, number // len(PATTERNS), outcome] = np.abs(returned) / seconds
    return rates


def margin(rates: Host) -> Host:
    """Equation (1), over the last axis of `rates` (..., pattern), in Hz."""
    return np.minimum(rates[..., 1], rates[..., 2]) - rates[..., 3]


def plasticity_of(run: Any) -> Host:
    """Return (replica,) the factor of the modulator."""
    for name, values in run.columns.items():
        if run.attributes(name).get("path") == "memory.plasticity":
            swept: Host = values
            return swept
    return np.full(run.batch, run.recipe["memory"].get("plasticity", 1.0))


def compute(run: Any) -> dict[str, Host]:
    """Return rates and margins of the plastic replicas and of their frozen twins.

    Args:
        run: An opened file of `xor-rate` or `xor-temporal`.

    Returns:
        rate, frozen_rate (epoch, pattern) in Hz, means over replicas; margin, frozen_margin (replica,) of the
        last epoch of training in Hz; learnt, frozen: the fractions of these above 0; retest, frozen_retest:
        the same over all replicas and epochs after training, weights held; better: fraction of replicas
        with a larger margin than their twin; median_margin. Those with frozen twins are nan without any.
    """
    rates, plastic = rates_of(run), plasticity_of(run) != 0
    epochs = min(int(run.recipe["task"]["epochs"]), rates.shape[1])
    own, twin = rates[plastic], rates[~plastic]
    last, frozen = (margin(each[:, epochs - 1]) for each in (own, twin))
    paired = len(own) == len(twin)
    return {
        "rate": _mean(own), "frozen_rate": _mean(twin), "margin": last, "frozen_margin": frozen,
        "learnt": _share(last > 0), "frozen": _share(frozen > 0),
        "retest": _share(margin(own[:, epochs:]) > 0), "frozen_retest": _share(margin(twin[:, epochs:]) > 0),
        "better": _share(last > frozen) if paired else np.array(np.nan),
        "median_margin": np.array(np.median(last) if len(last) else np.nan),
    }  # fmt: skip


def _share(found: Host) -> Host:
    return np.array(found.mean() if found.size else np.nan)


def _mean(rates: Host) -> Host:
    return rates.mean(axis=0) if len(rates) else np.full(rates.shape[1:], np.nan)


def picture(result: Any, figure: Any) -> None:
    """Draw the rate of each pattern as learning goes on, and the margins of the replicas."""
    figure.set_size_inches(9.6, 4.2)
    left, right = figure.subplots(1, 2)
    for index, name in enumerate(PATTERNS):
        left.plot(result["rate"][:, index], color=f"C{index}", label=name)
        left.plot(result["frozen_rate"][:, index], color=f"C{index}", linestyle=":")
    left.set_xlabel("epoch (dotted: frozen weights)")
    left.set_ylabel("rate of the output (Hz)")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
    for side, name in enumerate(("margin", "frozen_margin")):
        right.scatter(np.full(len(result[name]), side), result[name], s=14)
    right.axhline(0.0, color="0.7", linewidth=0.8, zorder=0)
    right.set_xticks([0, 1], ["plastic", "frozen"])
    right.set_xlim(-0.5, 1.5)
    right.set_ylabel("margin in the last epoch of training (Hz)")


rate_by_pattern = engram.Analysis(
    "rate-by-pattern", "firing of the output for each pattern of exclusive or, and whether it was learnt",
    compute, picture,
)  # fmt: skip
