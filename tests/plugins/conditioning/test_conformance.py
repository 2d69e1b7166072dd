"""The task keeps the promises of engram's conformance kit."""

import pytest

from engram.testing import Case, parametrize_with_checks
from engram_conditioning.conditioning import Conditioning
from engram_conditioning.preset import PRESETS

SIMPLE = {
    "dt": 0.1, "trial": 0.5, "trials": 3,
    "stimuli": [{"name": "A"}], "outcomes": [{"name": "water"}],
    "types": [{"name": "A+", "events": [{"stimulus": "A", "at": 0.1}, {"outcome": "water", "at": 0.3}]}],
}  # fmt: skip
CHANCE = {
    **SIMPLE, "trials": 40, "interval": {"exponential": 0.2, "longest": 0.9}, "episodic": False,
    "types": [
        {"name": "A+", "events": [{"stimulus": "A", "at": 0.1}, {
            "outcome": "water", "after": "A", "delay": {"weber": [0.2, 0.3], "longest": 0.4},
            "size": {"normal": [2.0, 0.5]}, "probability": 0.5}]},
        {"name": "A-", "events": [{"stimulus": "A", "at": 0.0, "duration": 0.2}]},
    ],
    "phases": [{"mix": {"A+": 0.5, "A-": 0.5}, "order": "shuffled", "trials": 4}, {"learn": False}],
}  # fmt: skip
CASES = [
    Conditioning(**SIMPLE),
    Conditioning(**SIMPLE, code="active"),
    Conditioning(**CHANCE),
    Conditioning(**CHANCE, features="boxcar", code="active"),
    Conditioning(**CHANCE, features="microstimuli", microstimuli={"number": 4}),
    Conditioning(**CHANCE, features="belief"),
]


@parametrize_with_checks(
    [*CASES, *(Case(task, dt=task.timeline.dt) for task in [Conditioning(preset="starkweather-2")])]
)
def test_conformance(check):
    check()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_keeps_the_parameters_through_toml(name):
    from engram.testing import checks_for

    for label, check in checks_for(Case(Conditioning(preset=name))):
        if "toml" in label:
            check()
