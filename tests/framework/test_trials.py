"""The table of trials, from signals that keep to the rules and from signals that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, strategies as st

from engram.backend import choose
from engram.components import Signal
from engram.record import Trials

Flags = list[tuple[bool, bool]]
Row = tuple[int, int, int, float]


def found(flags: Flags, rewards: list[float], cuts: list[int]) -> list[Row]:
    """Rows (number, start, stop, return) of one replica, its signals taken in chunks that end at `cuts`."""
    trials = Trials(1, len(flags), 1, choose("numpy"), np.dtype(np.float64))
    rows: list[Row] = []
    first = 0
    for cut in (*sorted({c for c in cuts if 0 < c < len(flags)}), len(flags)):
        for step in range(first, cut):
            start, end = (np.array([flag]) for flag in flags[step])
            no, silent = np.array([False]), np.array([-1], dtype=np.int8)
            trials.see(
                step - first, Signal(np.zeros((1, 1)), np.array([rewards[step]]), start, end, no, ~no, silent)
            )
        taken: dict[str, Any] = trials.take(first, cut - first, 1.0)
        names = ("number", "start_step", "stop_step", "return_")
        rows += zip(*(taken[name].tolist() for name in names), strict=True)
        first = cut
    return rows


def expected(flags: Flags, rewards: list[float]) -> list[Row]:
    rows: list[Row] = []
    begun, total = -1, 0.0
    for step, (start, end) in enumerate(flags):
        if start:
            begun, total = step, 0.0
        if begun >= 0:
            total += rewards[step]
            if end:
                rows.append((len(rows), begun, step, total))
                begun = -1
    return rows


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30), st.lists(st.integers(1, 29))
)
def test_trials_do_not_depend_on_chunks_even_where_start_and_end_do_not_alternate(
    flags: Flags, cuts: list[int]
) -> None:
    rewards = [1.0 + step for step in range(len(flags))]
    assert found(flags, rewards, cuts) == expected(flags, rewards)


def test_a_reward_outside_any_trial_counts_for_none() -> None:
    flags = [(True, False), (False, True), (False, False), (True, True)]
    assert found(flags, [1.0, 1.0, np.nan, 5.0], []) == [(0, 0, 1, 2.0), (1, 3, 3, 5.0)]
