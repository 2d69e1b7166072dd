"""The short notation of designs."""

from __future__ import annotations

import numpy as np
import pytest

from engram_conditioning.conditioning import Conditioning
from engram_conditioning.design import expanded


def of(*designs):
    return expanded(designs, 0.5, 1.0, 1.5)


def test_a_design_becomes_types_and_phases():
    found = of("10A(US)/2AB 1#B")

    assert found["stimuli"] == [{"name": "A"}, {"name": "B"}]
    assert found["outcomes"] == [{"name": "US"}]
    assert [kind["name"] for kind in found["types"]] == ["A(US)", "AB", "#B"]
    assert found["types"][0]["events"] == [
        {"stimulus": "A", "at": 0.5, "duration": 1.0},
        {"outcome": "US", "at": 1.5},
    ]
    assert [kind["learn"] for kind in found["types"]] == [True, True, False]
    assert [phase["sequence"] for phase in found["phases"]] == [["A(US)"] * 10, ["AB", "AB", "#B"]]
    assert [phase["order"] for phase in found["phases"]] == ["given", "given"]


def test_names_longer_than_a_letter_stand_in_parentheses():
    assert [item["name"] for item in of("1(tone)B(light 2)")["stimuli"]] == ["tone", "B", "light 2"]


def test_a_list_has_a_design_for_each_group():
    found = of("1A/1B", "2A")

    assert [phase["groups"] for phase in found["phases"]] == [[0], [0], [1]]
    assert len(found["types"]) == 2


def test_an_exclamation_mark_shuffles_a_phase(signals):
    task = Conditioning(
        dt=0.1, trial=2.0, design="!20A(US)20A / 2A", cue_at=0.5, outcome_at=1.5, code="active"
    )

    kinds = signals(task, 42 * 21, batch=50).outcome[20::21].T

    assert (kinds[:, :40].sum(axis=1) == 20).all()
    assert (kinds[:, 40:] == 1).all()
    assert abs(kinds[:, 0].mean() - 0.5) < 4 * 0.5 / 50**0.5
    assert len({tuple(row) for row in kinds}) == 50


def test_the_same_is_shown_as_in_the_long_form(signals):
    short = Conditioning(dt=0.1, trial=2.0, design="2A(US)1A", cue_at=0.5, cue_duration=0.3, outcome_at=1.5)
    cue = {"stimulus": "A", "at": 0.5}
    long = Conditioning(
        dt=0.1, trial=2.0, stimuli=[{"name": "A", "duration": 0.3}], outcomes=[{"name": "x"}],
        types=[{"name": "+", "events": [cue, {"outcome": "x", "at": 1.5}]}, {"name": "-", "events": [cue]}],
        phases=[{"order": "given", "sequence": ["+", "+", "-"]}],
    )  # fmt: skip

    for name in ("observation", "reward", "outcome", "learn"):
        one, other = (getattr(signals(task, 63), name) for task in (short, long))
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "rest", "character"),
    [
        ("", "", 1),
        ("10A(US)/", "", 9),
        ("A(US)", "A(US)", 1),
        ("10A(US)/10A>B", ">B", 12),
        ("10A(US/10B", "(US", 4),
        ("0A", "0A", 1),
        ("5A 3", "3", 4),
        ("1A#", "#", 3),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text, rest, character):
    with pytest.raises(ValueError) as caught:
        of(text)

    where = f"design: cannot read {rest!r} at character {character} of {text!r}; write 10A, 10AB(US) or 1#A"
    assert str(caught.value) == where
