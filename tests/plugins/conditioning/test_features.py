"""What is seen of stimuli."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest

from engram_conditioning.conditioning import Conditioning

TASK = Conditioning(
    dt=0.1, trial=0.9, trials=2, stimuli=[{"name": "A", "duration": 0.3}, {"name": "B", "salience": 0.5}],
    types=[
        {"name": "AB", "events": [{"stimulus": "A", "at": 0.2}, {"stimulus": "B", "at": 0.4}]},
        {"name": "B", "events": [{"stimulus": "B", "at": 0.1}]},
    ],
    phases=[{"order": "given", "sequence": ["AB", "B"]}],
)  # fmt: skip


def test_a_boxcar_lasts_as_long_as_its_stimulus(signals):
    found = signals(attrs.evolve(TASK, features="boxcar"), 20).observation[:, 0]

    assert np.flatnonzero(found[:, 0]).tolist() == [2, 3, 4]
    assert np.flatnonzero(found[:, 1]).tolist() == [4, 11]
    assert set(found[:, 1]) == {0.0, 0.5}


def test_microstimuli_follow_the_equations_of_the_paper(signals):
    task = attrs.evolve(TASK, features="microstimuli", microstimuli={"number": 3, "width": 0.1, "decay": 0.9})

    found = signals(task, 20).observation[:, 0]

    for since in range(8):
        y = 0.9**since
        for i in (1, 2, 3):
            wanted = math.exp(-((y - i / 3) ** 2) / 0.02) / math.sqrt(2 * math.pi) * y
            assert found[2 + since, i - 1] == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(found[11:17, 3:], found[4:10, 3:])
    assert not found[:2].any()


def test_a_unit_of_the_serial_compound_is_a_step_since_onset(signals):
    found = signals(TASK, 20).observation[:, 0]

    np.testing.assert_array_equal(found[2:10, :8], np.eye(8))
    np.testing.assert_array_equal(found[11:20, 8:], 0.5 * np.eye(9))
    np.testing.assert_array_equal(found[4:10, 8:], 0.5 * np.eye(6, 9))
    assert TASK.observation.labels[:2] == ("A 0", "A 1")
    assert TASK.observation.high == 1.0


def test_private_features_are_not_shared_between_types(signals):
    shared, private = (
        signals(attrs.evolve(TASK, private=flag), 20).observation[:, 0] for flag in (False, True)
    )

    assert (shared[:10].any(axis=0) & shared[10:].any(axis=0)).sum() == 6
    assert not (private[:10].any(axis=0) & private[10:].any(axis=0)).any()


def test_a_stimulus_that_comes_twice_has_two_chains(signals):
    twice = [{"stimulus": "A", "at": 0.1}, {"stimulus": "A", "at": 0.3}]
    task = Conditioning(
        dt=0.1,
        trial=0.5,
        trials=1,
        stimuli=[{"name": "A"}],
        types=[{"name": "AA", "events": twice}],
        code="active",
    )

    assert signals(task, 6).observation[:, 0].tolist() == [[-1, -1], [0, -1], [1, -1], [0, 2], [1, 3], [2, 4]]
    assert task.observation.high == 4


@pytest.mark.parametrize("features", ["serial-compound", "boxcar", "microstimuli"])
def test_labels_are_as_many_as_features(signals, features):
    task = attrs.evolve(TASK, features=features)

    assert signals(task, 3).observation.shape[2] == len(task.observation.labels) == task.observation.shape[0]
