"""The task keeps the promises of engram's conformance kit."""

from engram.testing import parametrize_with_checks
from engram_conditioning.conditioning import Conditioning

SIMPLE = {
    "dt": 0.1, "trial": 0.5, "trials": 3,
    "stimuli": [{"name": "A"}], "outcomes": [{"name": "water"}],
    "types": [{"name": "A+", "events": [{"stimulus": "A", "at": 0.1}, {"outcome": "water", "at": 0.3}]}],
}  # fmt: skip


@parametrize_with_checks([Conditioning(**SIMPLE), Conditioning(**SIMPLE, code="active")])
def test_conformance(check):
    check()
