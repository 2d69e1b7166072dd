"""Both semantics against agents written in plain Python, one at a time, with dicts and loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engram.testing import play
from engram_rl_gain import RLGain, RLTouch

RECORD = (
    "q gain reward_sum last_state last_action iterator ticks total_ticks active learning".split()
)  # all that an agent has
FRACTION = st.floats(0, 1)


class Agent:
    """One agent; a subclass says what it does at a decision and at rest."""

    def __init__(self, p: dict[str, Any], kind: type, n: int, dt: float) -> None:
        self.p, self.kind, self.dt = p, kind, dt
        levels = range(2 * p["state_space_per_side"] + 1)
        self.states = list(itertools.product(levels, repeat=n))
        self.actions = list(itertools.product(p["gain_space"], repeat=n))
        self.q = [[0.0] * len(self.actions) for _ in self.states]
        self.gain = self.chosen_gain = (p["initial_gain"],) * n
        self.interval = self.iterator = self.steps(p["update_dt"] * 60 / dt)
        self.reward_sum, self.last_state, self.last_action = 0.0, 0, 0
        self.ticks = self.total_ticks = 0
        self.active, self.learning = True, False

    def bin(self, x: float) -> int:
        k = self.p["state_space_per_side"]
        beyond = sum(abs(x) > (i + 1) * self.p["delta"] for i in range(k))
        return k + (beyond if x > 0 else -beyond)

    def step(
        self, dx: list[float], reward: float, learn: bool, u: float, any_action: int
    ) -> tuple[float, ...]:
        if not learn:
            self.gain = self.best_known(dx)
            self.ticks *= self.active
            self.learning = self.active and self.in_time()
            return self.gain
        self.ticks = self.ticks + 1 if self.active else 0
        self.total_ticks += self.active
        self.learning = self.active and self.in_time()
        earned = int(reward) - 0.01
        if self.learning:
            self.reward_sum += earned
            self.iterator += 1
            self.gain = self.chosen_gain
            if self.due(dx):
                self.decide(dx, u < self.p["epsilon"], any_action)
                self.gain = self.chosen_gain = self.actions[self.last_action]
                self.reward_sum, self.iterator = 0.0, 0
        else:
            self.rest(dx, earned)
        return self.gain

    def in_time(self) -> bool:
        return self.total_ticks * self.dt <= self.p["train_dur"] * 60

    def due(self, dx: list[float]) -> bool:
        if self.kind is RLGain:
            return self.iterator >= self.interval
        if 1 in dx:
            self.reward_sum = 1 / self.iterator
        elif -1 in dx:
            self.reward_sum = float(self.iterator)
        return 1 in dx or -1 in dx

    def teach(self, state: int) -> None:
        alpha, row = self.p["alpha"], self.q[self.last_state]
        target = self.reward_sum + self.p["gamma"] * max(self.q[state])
        row[self.last_action] = (1 - alpha) * row[self.last_action] + alpha * target
        self.last_state = state

    def greedy(self, state: int) -> int:
        return self.q[state].index(max(self.q[state]))

    def best_known(self, dx: list[float]) -> tuple[float, ...]:
        if self.p["state_specific_best"]:
            return self.actions[self.greedy(self.state(dx))]
        means = [sum(column) / len(column) for column in zip(*self.q, strict=True)]
        return self.actions[means.index(max(means))]

    def steps(self, exact: float) -> int:
        raise NotImplementedError

    def state(self, dx: list[float]) -> int:
        raise NotImplementedError

    def decide(self, dx: list[float], explores: bool, any_action: int) -> None:
        raise NotImplementedError

    def rest(self, dx: list[float], earned: float) -> None:
        raise NotImplementedError


class IntendedAgent(Agent):
    def steps(self, exact: float) -> int:
        return round(exact)

    def state(self, dx: list[float]) -> int:
        return self.states.index(tuple(self.bin(x) for x in dx))

    def decide(self, dx: list[float], explores: bool, any_action: int) -> None:
        self.teach(self.state(dx))
        self.last_action = any_action if explores else self.greedy(self.last_state)

    def rest(self, dx: list[float], earned: float) -> None:
        self.gain = self.best_known(dx)


class Larvaworld25Agent(Agent):
    def steps(self, exact: float) -> int:
        return int(exact)

    def state(self, dx: list[float]) -> int:
        return self.states.index((self.bin(dx[-1]),) * len(dx))

    def decide(self, dx: list[float], explores: bool, any_action: int) -> None:
        if explores:
            self.last_action = any_action
        else:
            self.teach(self.state(dx))
            self.last_action = self.greedy(self.last_state)

    def rest(self, dx: list[float], earned: float) -> None:
        self.reward_sum += earned
        if self.p["state_specific_best"]:
            self.decide(dx, False, 0)
            self.gain = self.chosen_gain = self.actions[self.last_action]
        else:
            self.gain = self.chosen_gain = self.best_known(dx)


AGENTS = {"intended": IntendedAgent, "larvaworld-2.5": Larvaworld25Agent}


def world(
    kind: type, p: dict[str, Any], n: int, seed: int, steps: int, batch: int, switching: bool
) -> dict[str, Any]:
    """Random inputs, flags and draws, (time, batch, ...); changes often lie on thresholds, rewards between."""
    rng = np.random.default_rng(seed)
    shape = (steps, batch)
    grid = np.array([-3, -2, -1, 0, 1, 2, 3]) * p["delta"]
    dx = np.where(
        rng.random((*shape, n)) < 0.5, rng.choice(grid, (*shape, n)), rng.normal(0, 0.2, (*shape, n))
    )
    if kind is RLTouch:
        dx = rng.choice([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0], (*shape, n))
    often = 0.8 if switching else 2.0
    return {
        "dx": dx,
        "reward": rng.choice([0.0, 0.0, 1.0, 2.0, 0.7, -1.3], shape),
        "learn": np.repeat(rng.random((steps // 5 + 1, batch)) < often, 5, axis=0)[:steps],
        "active": np.repeat(rng.random((steps // 7 + 1, batch)) < often, 7, axis=0)[:steps],
        "u": rng.random(shape),
        "any": rng.integers(0, len(p["gain_space"]) ** n, shape),
    }


def compare(
    kind: type, p: dict[str, Any], n: int, seed: int, dt: float = 0.1, switching: bool = True
) -> None:
    steps, batch = 70, 3
    w = world(kind, p, n, seed, steps, batch, switching)
    out = play(
        kind(**p),
        {"observation": w["dx"], "reward": w["reward"], "learn": w["learn"]},
        batch=batch,
        dt=dt,
        force={"active": w["active"]},
        draws={"explore": w["u"], "action": w["any"]},
    )
    for replica in range(batch):
        agent = AGENTS[p["semantics"]](p, kind, n, dt)
        for t in range(steps):
            agent.active = bool(w["active"][t, replica])
            gain = agent.step(
                w["dx"][t, replica].tolist(), w["reward"][t, replica], bool(w["learn"][t, replica]),
                w["u"][t, replica], int(w["any"][t, replica]),
            )  # fmt: skip
            np.testing.assert_array_equal(out["action"][t, replica], gain, err_msg=f"action at {t}")
            for name in RECORD:
                wanted = getattr(agent, name)
                np.testing.assert_array_equal(out[name][t, replica], wanted, err_msg=f"{name} at {t}")


@st.composite
def parameters(draw: Any, semantics: str) -> dict[str, Any]:
    return {
        "update_dt": draw(st.sampled_from([0.0, 0.001, 0.0045, 0.0085, 0.01, 0.02, 0.0217])),
        "train_dur": draw(st.sampled_from([0.0, 0.03, 0.06, 0.1, 1.0])),
        "delta": draw(st.sampled_from([0.0, 0.05, 0.1, 0.3])),
        "alpha": draw(FRACTION),
        "gamma": draw(FRACTION),
        "epsilon": draw(st.sampled_from([0.0, 0.15, 0.5, 1.0])),
        "state_space_per_side": draw(st.integers(0, 2)),
        "state_specific_best": draw(st.booleans()),
        "gain_space": tuple(draw(st.lists(st.floats(-300, 300), min_size=1, max_size=3))),
        "initial_gain": draw(st.sampled_from([0.0, 7.5])),
        "semantics": semantics,
    }


@pytest.mark.parametrize("semantics", AGENTS)
@pytest.mark.parametrize("kind", [RLGain, RLTouch])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_memory_equals_an_agent_of_plain_python_to_the_bit(kind: type, semantics: str, data: Any) -> None:
    p = data.draw(parameters(semantics))
    dt = data.draw(st.sampled_from([0.1, 0.05, 0.08]))
    compare(kind, p, data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2**32 - 1)), dt)


@pytest.mark.parametrize("per_side", [0, 1, 2])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("semantics", AGENTS)
def test_learning_equals_the_agent_for_every_size_of_the_table(semantics: str, n: int, per_side: int) -> None:
    p = {
        "update_dt": 0.004, "train_dur": 0.1, "delta": 0.1, "alpha": 0.3, "gamma": 0.6, "epsilon": 0.3,
        "state_space_per_side": per_side, "state_specific_best": True, "gain_space": (-50.0, 50.0),
        "initial_gain": 0.0, "semantics": semantics,
    }  # fmt: skip
    for seed in range(3):
        compare(RLGain, p, n, seed, switching=False)


def test_the_semantics_differ_where_they_should() -> None:
    """So that neither comparison holds by accident."""
    p = {
        "update_dt": 0.02, "train_dur": 0.05, "delta": 0.1, "alpha": 0.3, "gamma": 0.6, "epsilon": 0.5,
        "state_space_per_side": 1, "gain_space": (-50.0, 50.0),
    }  # fmt: skip
    w = world(RLGain, p, 2, 0, 60, 3, False)
    traces = [
        play(
            RLGain(**p, semantics=name),
            {"observation": w["dx"], "reward": w["reward"]},
            batch=3,
            dt=0.1,
            draws={"explore": w["u"], "action": w["any"]},
        )
        for name in AGENTS
    ]
    intended, code = traces
    assert (intended["last_state"] != code["last_state"]).any()
    resets = [np.flatnonzero(trace["iterator"][:, 0] == 0)[:3].tolist() for trace in traces]
    assert resets == [[0, 12, 24], [0, 11, 22]]
    assert (intended["q"][31:] == intended["q"][30]).all()
    assert (code["q"][31:] != code["q"][30]).any()


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_probe_leaves_no_trace_in_what_is_learnt(data: Any) -> None:
    semantics, kind = data.draw(st.sampled_from([*AGENTS])), data.draw(st.sampled_from([RLGain, RLTouch]))
    component = kind(**data.draw(parameters(semantics)))
    w = world(
        kind,
        {"delta": 0.1, "gain_space": component.gain_space},
        2,
        data.draw(st.integers(0, 99)),
        40,
        2,
        True,
    )
    trained = np.sort(np.random.default_rng(data.draw(st.integers(0, 99))).permutation(60)[:40])
    learn = np.zeros((60, 2), dtype=bool)
    learn[trained] = True

    def probed(values: Any) -> Any:
        longer = np.ones((60, *values.shape[1:]), dtype=values.dtype)
        longer[trained] = values
        return longer

    def run(put: Any, **flags: Any) -> dict[str, Any]:
        inputs = {"observation": put(w["dx"]), "reward": put(w["reward"]), **flags}
        draws = {"explore": put(w["u"]), "action": put(w["any"] * 0)}
        return play(component, inputs, batch=2, dt=0.1, force={"active": put(w["active"])}, draws=draws)

    plain, interrupted = run(lambda values: values), run(probed, learn=learn)
    for name, values in plain.items():
        np.testing.assert_array_equal(interrupted[name][trained], values, err_msg=name)
