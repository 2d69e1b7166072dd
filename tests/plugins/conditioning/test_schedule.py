"""Trials, steps and signals of a schedule."""

import numpy as np
import pytest

from engram_conditioning.conditioning import Conditioning

WATER = [{"name": "water"}]
PAIRING = [{"stimulus": "A", "at": 0.1}, {"outcome": "water", "at": 0.3}]


def task(**given):
    """A cue at step 1 and an outcome at step 3 of trials of six steps."""
    simple = {"dt": 0.1, "trial": 0.5, "trials": 3, "stimuli": [{"name": "A"}], "outcomes": WATER}
    return Conditioning(**{**simple, "types": [{"name": "A+", "events": PAIRING}], **given})


def test_the_first_trial_is_the_one_worked_out_by_hand(signals):
    found = signals(task(), 6)

    assert found.reward[:, 0].tolist() == [0, 0, 0, 1, 0, 0]
    assert found.start[:, 0].tolist() == [True, False, False, False, False, False]
    assert found.end[:, 0].tolist() == [False, False, False, False, False, True]
    assert found.outcome[:, 0].tolist() == [-1, -1, -1, -1, -1, 0]
    np.testing.assert_array_equal(found.observation[:, 0], np.eye(6, 5, k=-1))
    assert not found.truncated.any()
    assert found.learn.all()


def test_the_active_code_names_the_units_that_the_dense_code_shows(signals):
    dense = signals(task(), 20).observation
    active = signals(task(code="active"), 20).observation

    for row, indices in zip(dense[:, 0], active[:, 0], strict=True):
        assert np.flatnonzero(row).tolist() == [index for index in indices if index >= 0]


@pytest.mark.parametrize("chunk", [1, 4, 6, 7, 100])
def test_the_length_of_a_chunk_changes_nothing(signals, chunk):
    varied = task(interval={"uniform": [0.0, 0.5]}, trials=20)

    whole, parts = signals(varied, 200, batch=3), signals(varied, 200, batch=3, chunk=chunk)

    for name in ("observation", "reward", "start", "end", "learn", "outcome"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
