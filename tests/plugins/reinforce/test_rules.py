"""Every rule has the same bits as array code, with Numba and as C."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engram.rules import target
from engram_reinforce import gaussian, reinforce

SIZES = {"b": 3, "s": 5, "i": 4, "k": 2}
RULES = [
    gaussian.project, gaussian.draw, gaussian.draw_scored_within_bounds, gaussian.surprise,
    reinforce.gradient, reinforce.climb, reinforce.average, reinforce.follow,
]  # fmt: skip
NUMBERS = {"factor": 0.3, "share": 0.2, "decay": 0.99, "learnable": 1.0, "lowest": -0.6, "highest": 0.9}


def values(rule: Any, dtype: str) -> list[Any]:
    rng = np.random.default_rng(1)
    found: list[Any] = []
    for item in rule.spec.arguments:
        shape = tuple(SIZES[axis] for axis in item.axes)
        if item.name == "learning":
            found.append(np.array([True, False, True]))
        elif item.name == "mask":
            found.append(rng.random(shape) < 0.5)
        elif item.name in ("std", "count"):
            found.append(1 + rng.random(shape).astype(dtype))
        else:
            found.append(4 * rng.normal(size=shape).astype(dtype) if shape else NUMBERS[item.name])
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_array_code_numba_and_c_give_the_same_bits(rule: Any, dtype: str) -> None:
    pytest.importorskip("numba")
    wanted, jitted, hosted = ([np.array(v) if np.ndim(v) else v for v in values(rule, dtype)] for _ in "123")

    rule.reference(*wanted)
    with target.chosen("numba"):
        rule(*jitted)
    rule.on_host(*hosted)

    for item, one, *others in zip(rule.spec.arguments, wanted, jitted, hosted, strict=True):
        if item.axes:
            assert one.tobytes() == others[0].tobytes() == others[1].tobytes(), item.name
