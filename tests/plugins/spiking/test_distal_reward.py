"""The task distal-reward, and a network of Izhikevich's cells in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import engram
from engram.plugins import registry
from engram.testing import Case, parametrize_with_checks, play
from engram_spiking import DistalReward, Izhikevich

NETWORKS = ("excitatory", "yoked_excitatory_yoked")
SHORT = DistalReward(units=3, window=0.02, earliest=0.05, latest=0.1)


@parametrize_with_checks(
    [
        Case(DistalReward(units=3, earliest=0.002, latest=0.004), dt=0.001),
        Case(Izhikevich(units=3, noise=13.0), action=engram.Spec(shape=(3,)), dt=0.001),
    ]
)
def test_conformance(check: Any) -> None:
    check()


def rewards(pre: list[int], post: list[int], batch: int = 1) -> Any:
    action = np.zeros((300, batch, 3))
    action[pre, :, 0] = 1
    action[post, :, 1] = 1
    return play(SHORT, {"action": action}, batch=batch, dt=0.001)["reward"]


def test_a_reward_follows_a_pair_after_a_delay_of_its_own() -> None:
    found = rewards([10], [20], batch=200)
    # Row k is the signal that follows step k.
    delay = found.argmax(axis=0) + 1 - 20

    assert (found.sum(axis=0) == 0.5).all()
    assert delay.min() >= 50 and delay.max() <= 100
    assert len(np.unique(delay)) > 30


@pytest.mark.parametrize(
    ("pre", "post", "number"),
    [
        ([10], [30], 1),
        ([10], [31], 0),
        ([20], [10], 0),
        ([10], [10], 0),
        ([10, 100], [11, 101], 2),
        ([10], [12, 14], 2),
    ],
)
def test_a_pair_is_post_after_pre_within_the_window(pre: list[int], post: list[int], number: int) -> None:
    assert rewards(pre, post).sum() == number * 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pre": 1}, r"pre and post must be two of the 800 cells"),
        ({"units": 2, "post": 2}, r"pre and post must be two of the 2 cells"),
        ({"latest": 0.5}, r"latest must not be less than earliest"),
    ],
)
def test_a_mistake_is_one_clear_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(engram.InvalidParameters, match=message):
        DistalReward(**changes)


def test_a_delay_below_a_step_is_refused_in_one_line() -> None:
    with pytest.raises(engram.RecipeError, match=r"task.earliest: 0.0001 s is less than a step; lengthen it"):
        play(DistalReward(earliest=0.0001), {"action": np.zeros((1, 1, 800))}, dt=0.001)


class Recorded:
    """A run of which only the weights were recorded, every ten seconds."""

    recipe: ClassVar = {"task": {"pre": 0, "post": 1}}

    def __init__(self, w: Any) -> None:
        self._w = w

    def variables(self) -> list[str]:
        return ["memory.connections.excitatory_excitatory.w"]

    def __getitem__(self, name: str) -> Any:
        return self._w

    def time(self, name: str) -> Any:
        return 10.0 * np.arange(len(self._w))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A second of the network."""
    pytest.importorskip("engram_stdp")
    out = tmp_path_factory.mktemp("distal") / "run.h5"
    (path,) = engram.run(
        "izhikevich-2007", overrides=["run.steps=1000", "run.batch=2", "record.every=100"], out=out
    )
    with engram.open(path) as opened:
        yield opened


def test_the_network_fires_as_sparsely_as_in_the_paper(run: Any) -> None:
    assert 0.5 < run["memory.layers.excitatory.rate"][1:].mean() < 3.0


def test_the_chosen_weight_is_that_from_pre_to_post(run: Any) -> None:
    analysis = registry().find("analysis", "chosen-weight")
    w = run["memory.connections.excitatory_excitatory.w"]

    found = analysis.compute(run, analysis.settings(saturated=1.0))

    np.testing.assert_array_equal(found["chosen"], w[:, :, 0, 1])
    np.testing.assert_array_equal(found["reverse"], w[:, :, 1, 0])
    np.testing.assert_array_equal(
        found["yoked"], run["memory.connections.yoked_excitatory_yoked_excitatory.w"][:, :, 0, 1]
    )
    assert found["others"] == (w.max(axis=0) >= 1.0).mean()


def test_the_chosen_weight_begins_at_zero_and_so_does_that_of_the_yoked_network(run: Any) -> None:
    analysis = registry().find("analysis", "chosen-weight")
    found = analysis.compute(run, analysis.settings())

    assert (found["chosen"][0] == 0).all()
    assert (found["yoked"][0] == 0).all()
    assert (found["reverse"][0] > 0.9).all()


def test_the_yoked_network_fires_on_its_own(run: Any) -> None:
    own, yoked = (run[f"memory.connections.{name}_excitatory.w"] for name in NETWORKS)

    assert not np.array_equal(own[-1], yoked[-1])


def test_what_the_yoked_network_does_earns_nothing(tmp_path: Path) -> None:
    pytest.importorskip("engram_stdp")
    quiet = [f"memory.layers.{name}.noise=0.0" for name in ("excitatory", "inhibitory")]
    recorded = [
        "task.rewards",
        *(f"memory.layers.{name}.rate" for name in ("excitatory", "yoked_excitatory")),
    ]
    (path,) = engram.run(
        "izhikevich-2007",
        overrides=[
            "run.steps=1000", "run.batch=4", "record.every=100", "task.window=1.0", "task.earliest=0.01",
            "task.latest=0.01", *quiet, f"record.variables={json.dumps(recorded)}",
        ],
        out=tmp_path / "run.h5",
    )  # fmt: skip

    with engram.open(path) as run:
        rewards, own, yoked = (run[name] for name in recorded)
    assert own.max() == 0 < yoked.max()
    assert rewards.max() == 0


def test_when_the_chosen_weight_saturates_and_which_share_of_replicas_does() -> None:
    w = np.zeros((4, 2, 2, 2))
    w[2, 0, 0, 1] = w[3, 1, 1, 0] = 4.0
    analysis = registry().find("analysis", "chosen-weight")

    found = analysis.compute(Recorded(w), analysis.settings())

    np.testing.assert_array_equal(found["when"], [20.0, np.nan])
    shares = {name: float(found[f"{name}saturated"]) for name in ("", "reverse_", "yoked_")}
    np.testing.assert_equal(shares, {"": 0.5, "reverse_": 0.5, "yoked_": np.nan})
    assert found["yoked"].shape == (4, 0)


def test_a_chosen_weight_that_was_not_recorded_is_said_in_one_line(run: Any) -> None:
    analysis = registry().find("analysis", "chosen-weight")
    with pytest.raises(engram.EngramError, match=r"memory.connections.x.w was not recorded; add it"):
        analysis.compute(run, analysis.settings(connection="x"))
