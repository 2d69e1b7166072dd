"""Distributions: samples and the probabilities of steps agree."""

from __future__ import annotations

import numpy as np
import pytest

from engram_conditioning.distribution import Distribution

KINDS = {
    "choice": Distribution(choice=(0.5, 1.0, 2.0), p=(0.2, 0.5, 0.3)),
    "equal choice": Distribution(choice=(0.5, 1.5)),
    "uniform": Distribution(uniform=(0.4, 1.7)),
    "normal": Distribution(normal=(1.0, 0.4), shortest=0.3, longest=1.6),
    "weber": Distribution(weber=(1.0, 0.3)),
    "exponential": Distribution(exponential=0.6, longest=2.0),
    "certain": Distribution(uniform=(1.0, 1.0)),
    "certain too": Distribution(normal=(1.0, 0.0)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_fall_on_steps_as_often_as_said(kind, dtype):
    distribution = KINDS[kind]
    u = (np.arange(20000, dtype=dtype) + np.array(0.5, dtype)) / np.array(20000, dtype)

    steps = np.rint(distribution.sample(u) / 0.1).astype(int).clip(0, 30)

    share = np.bincount(steps, minlength=31) / len(u)
    np.testing.assert_allclose(share, distribution.masses(0.1, 0, 30), atol=2e-4)
    assert distribution.sample(u).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_and_largest_draws_are_finite_and_within_the_bounds(kind):
    distribution = KINDS[kind]
    ends = distribution.sample(np.array([0.0, 1 - 2.0**-24], dtype="float32"))

    assert np.isfinite(ends).all()
    assert distribution.low - 1e-6 <= ends.min() <= ends.max() <= distribution.high + 1e-6


def test_what_lies_outside_the_steps_counts_for_the_nearest():
    np.testing.assert_allclose(KINDS["choice"].masses(0.1, 6, 12), [0.2, 0, 0, 0, 0.5, 0, 0.3])
    assert KINDS["uniform"].masses(0.1, 8, 9).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "give one of choice, uniform, normal, weber, exponential, not none"),
        ({"uniform": (0, 1), "choice": (1,)}, "give one of choice, uniform, normal, weber, exponential, not choice and uniform"),
        ({"uniform": (0, 1, 2)}, "uniform must be a list of 2 numbers, not 3"),
        ({"uniform": (2, 1)}, "uniform must be [lowest, highest], not [2.0, 1.0]"),
        ({"choice": (1, 2), "p": (1,)}, "p must have 2 numbers as choice has, not 1"),
        ({"choice": (1, 2), "p": (0.5, 0.4)}, "p must sum to 1, not 0.9"),
        ({"normal": (1, -1)}, "the standard deviation must be >= 0"),
        ({"exponential": 1.0}, "exponential needs longest > 0, so that the longest trial is known"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(given, text):
    with pytest.raises(ValueError) as caught:
        Distribution(**given)

    assert str(caught.value) == f"Distribution.: {text}"
