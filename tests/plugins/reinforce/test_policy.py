"""The memory: when its synapse learns, and which tasks and synapses it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Spec
from engram.testing import play
from engram_reinforce import GaussianPolicy, Reinforce, Uniform

ROW = Spec(shape=(1,))
SYNAPSE = Reinforce(scalar_stddev=0.5, eta=0.1, baseline=0.5, mean_weights=Uniform(low=0.0, high=0.0))


def played(signal: dict[str, Any], eps: list[float], **given: Any) -> Any:
    steps = len(eps)
    signal = {"observation": np.ones((steps, 1, 1)), **{k: np.array(v)[:, None] for k, v in signal.items()}}
    memory = GaussianPolicy(synapse=SYNAPSE, **given)
    return play(memory, signal, action=ROW, draws={"synapse.noise": np.reshape(eps, (steps, 1, 1, 1))})


def test_the_next_signal_brings_the_reward_of_an_action() -> None:
    trace = played({"reward": [0.0, 1.0, 0.0], "start": [True, False, False]}, [2.0, 0.0, 0.0])
    np.testing.assert_allclose(trace["synapse.w_mean"][:2, 0, 0, 0], [0.0, 0.1 * 2.0 / 0.5])
    assert trace["action"][0, 0, 0] == 1.0


def test_the_action_before_a_start_is_forgotten() -> None:
    trace = played({"reward": [0.0, 9.0], "start": [True, True]}, [2.0, 0.0])
    assert not trace["synapse.w_mean"].any()
    assert not trace["synapse.baseline"].any()


def test_nothing_is_learnt_where_the_signal_says_so() -> None:
    trace = played({"reward": [0.0, 9.0], "learn": [True, False]}, [2.0, 0.0])
    assert not trace["synapse.w_mean"].any()
    assert not trace["synapse.baseline"].any()


def test_the_bias_is_one_more_input() -> None:
    trace = played({"reward": [0.0]}, [0.0], bias=True)
    assert trace["synapse.w_mean"].shape == (1, 1, 2, 1)
    np.testing.assert_array_equal(trace["seen"][0, 0], [1.0, 1.0])


@pytest.mark.parametrize(
    ("observation", "action"),
    [
        (Choice(3), ROW),
        (Spec(shape=(2, 2)), ROW),
        (ROW, Spec()),
        (Spec(shape=(1,), dtype="int32"), ROW),
    ],
)
def test_a_task_that_takes_no_row_is_refused(observation: Any, action: Any) -> None:
    shown = np.zeros((1, 1, *observation.shape))
    with pytest.raises(engram.RecipeError, match="is a row of numbers, such as 'bandit'"):
        play(GaussianPolicy(), {"observation": shown}, observation=observation, action=action)


@engram.state
class FixedState:
    w: Array = engram.array("pre", "post", doc="weights")


@engram.parameters
class Fixed(engram.Synapse):
    """Draws nothing."""

    name = "fixed"

    def init(self, ctx: Context, n_pre: int, n_post: int) -> FixedState:
        return ctx.state(FixedState, sizes={"pre": n_pre, "post": n_post})

    def propagate(self, state: FixedState, pre: Array) -> Array:
        return (pre[:, :, None] * state.w).sum(axis=1)

    def learn(self, state: FixedState, pre: Array, post: Array, modulator: Array) -> None:
        pass


def test_a_synapse_that_draws_no_actions_is_refused() -> None:
    with pytest.raises(
        engram.RecipeError, match=r"memory.synapse: 'fixed' draws no actions; use 'reinforce'"
    ):
        play(GaussianPolicy(synapse=Fixed()), {"observation": np.zeros((1, 1, 1))})


def test_a_synapse_that_draws_several_actions_is_refused() -> None:
    with pytest.raises(engram.RecipeError, match=r"memory.synapse.samples: .* leave it at 1"):
        play(GaussianPolicy(synapse=Reinforce(samples=2)), {"observation": np.zeros((1, 1, 1))})


def test_of_a_choice_the_largest_number_wins() -> None:
    eps = np.array([[0.1, 2.0, -3.0], [0.0, -1.0, 0.5]])[:, None, None]
    trace = play(
        GaussianPolicy(synapse=SYNAPSE),
        {"observation": np.ones((2, 1, 1))},
        action=Choice(3),
        draws={"synapse.noise": eps},
    )
    assert trace["action"][:, 0].tolist() == [1, 2]


def test_the_best_of_several_arms_is_found(tmp_path: Path) -> None:
    recipe = {
        "run": {"steps": 3000, "batch": 20, "seed": 1},
        "task": {"use": "armed-bandit", "arms": [0.2, 0.8, 0.5, 0.0], "pulls": 2999},
        "memory": {
            "use": "gaussian-policy",
            "synapse": {"use": "reinforce", "baseline": 0.05, "scalar_stddev": 0.3},
        },
        "sweep": {"memory.synapse.eta": [0.0, 0.1]},
        "record": {"variables": ["task.arm"]},
    }
    (path,) = engram.run(recipe, out=tmp_path / "run.h5")
    with engram.open(path) as run:
        best = (run["task.arm"][-500:] == 1).mean(axis=0)
    assert best[:20].mean() < 0.5
    assert best[20:].min() > 0.9


RECIPE = {
    "run": {"steps": 300, "batch": 5, "seed": 3},
    "task": {"use": "reach"},
    "memory": {"use": "gaussian-policy", "bias": True, "synapse": {"use": "reinforce", "baseline": 0.1}},
    "sweep": {"memory.synapse.eta": [0.0, 0.01]},
}


def test_a_run_has_the_same_bits_with_numpy_and_numba(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    found = []
    for backend in ("numpy", "numba"):
        (path,) = engram.run(RECIPE, overrides=[f"run.backend={backend}"], out=tmp_path / f"{backend}.h5")
        with engram.open(path) as run:
            found.append([run.final(f"memory.synapse.{name}") for name in ("w_mean", "w_log_std", "action")])
    for one, other in zip(*found, strict=True):
        assert one.tobytes() == other.tobytes()
    assert (found[0][0][:5] != found[0][0][5:]).any()
