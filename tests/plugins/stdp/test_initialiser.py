"""How weights begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engram import RecipeError
from engram.testing import play
from engram_stdp import Initialiser, Static, TraceSTDP


def weights(pre: int, post: int, batch: int = 1, **given: Any) -> Any:
    silent = {"pre": np.zeros((1, batch, pre)), "post": np.zeros((1, batch, post))}
    return play(Static(initial=Initialiser(**given)), silent, batch=batch)["w"][0]


@pytest.mark.parametrize(
    ("given", "mean", "deviation"),
    [
        ({"distribution": "uniform", "low": -1.0, "high": 3.0}, 1.0, 4 / np.sqrt(12)),
        ({"distribution": "normal", "mean": 2.0, "deviation": 0.5}, 2.0, 0.5),
        ({"distribution": "log-normal", "deviation": 0.5}, np.exp(0.125), 0.6039),
        ({"distribution": "fan-in-uniform"}, 0.0, 0.1 / np.sqrt(3)),
        ({"distribution": "fan-in-normal"}, 0.0, 0.1),
        ({"distribution": "constant", "value": 0.3}, 0.3, 0.0),
    ],
    ids=lambda given: given["distribution"] if isinstance(given, dict) else "",
)
def test_a_distribution_has_its_mean_and_deviation(given, mean, deviation):
    w = weights(100, 400, **given)

    error = max(deviation, 1e-12) / np.sqrt(w.size)
    assert abs(w.mean() - mean) < 5 * error
    assert w.std() == pytest.approx(deviation, rel=0.03, abs=1e-12)


def test_fan_in_is_the_number_of_presynaptic_units():
    assert abs(weights(100, 4, distribution="fan-in-uniform")).max() <= 0.1
    assert abs(weights(4, 100, distribution="fan-in-uniform")).max() > 0.1


def test_the_diagonal_has_its_own_value():
    w = weights(3, 4, distribution="diagonal", value=2.0, elsewhere=-1.0)

    np.testing.assert_array_equal(w[0], 3 * np.eye(3, 4) - 1)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"triangle": "lower"}, np.tri(3, 4)),
        ({"triangle": "upper"}, np.triu(np.ones((3, 4)))),
        ({"diagonal": "none"}, 1 - np.eye(3, 4)),
        ({"diagonal": "only"}, np.eye(3, 4)),
        ({"triangle": "lower", "diagonal": "none"}, np.tri(3, 4, -1)),
        ({"rows": (0, 2)}, np.array([[1], [0], [1]]) * np.ones(4)),
        ({"columns": (1,)}, np.ones((3, 1)) * np.array([0, 1, 0, 0])),
        ({"zeros": ((0, 1), (2, 3))}, np.array([[1, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]])),
    ],
)
def test_only_some_entries_are_kept(given, kept):
    np.testing.assert_array_equal(weights(3, 4, distribution="constant", **given)[0], kept)


def test_as_many_rows_and_columns_are_kept_as_are_asked_for_drawn_for_each_replica():
    w = weights(30, 20, batch=3, distribution="constant", rows=7, columns=4)

    rows, columns = w.any(axis=2), w.any(axis=1)
    assert rows.sum(axis=1).tolist() == [7, 7, 7]
    assert columns.sum(axis=1).tolist() == [4, 4, 4]
    assert len({row.tobytes() for row in rows}) == 3


def test_what_is_drawn_too_small_or_too_large_is_moved_to_the_limit():
    w = weights(50, 50, distribution="normal", smallest=-0.5, largest=0.7)

    assert w.min() == -0.5
    assert w.max() == 0.7


def test_replicas_do_not_begin_alike():
    one, two = weights(5, 5, batch=2)

    assert not np.array_equal(one, two)


def test_a_row_that_is_none_is_refused():
    with pytest.raises(RecipeError, match=r"synapse.initial.rows: 5 is none of 0 to 2"):
        weights(3, 3, rows=(0, 5))


@pytest.mark.parametrize("pair", [(3, 0), (0, 4), (-1, 0)])
def test_a_pair_that_is_none_is_refused(pair):
    with pytest.raises(RecipeError, match=rf"synapse.initial.zeros: \[{pair[0]}, {pair[1]}\] is no pair of"):
        weights(3, 4, zeros=(pair,))


def test_a_weight_that_begins_at_zero_learns_like_others():
    spikes = {"pre": np.zeros((3, 1, 2)), "post": np.zeros((3, 1, 2)), "modulator": np.zeros((3, 1))}
    spikes["pre"][0, :, 0] = spikes["post"][1, :, 1] = 1
    start = Initialiser(distribution="constant", value=0.1, zeros=((0, 1),))

    w = play(TraceSTDP(initial=start, learning_rate=0.1), spikes, batch=1, dt=0.001)["w"][:, 0]

    assert w[0, 0, 1] == 0 < w[-1, 0, 1]
    assert w[-1, 1, 0] == pytest.approx(0.1)
