"""The conformance kit: good components pass, and each broken promise is caught by its own check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import Array, Choice, Context, Signal, Spec, Stream
from engram.testing import Case, DeviceArray, checks_for, device, parametrize_with_checks, play
from engram.testing.device import HostTraffic


@engram.state
class TallyState:
    total: Array = engram.array("unit", doc="sum of what was seen", unit="1")
    noise: Stream = engram.fixed()
    taken: Callable[[Array], Array] = engram.fixed()
    memo: dict[str, Any] = engram.fixed()


@engram.parameters
class Tally(engram.Memory):
    """Sums up; breaks the promise named by `broken`."""

    name = "tally"
    broken: str = engram.param(default="", doc="which promise")

    def init(self, ctx: Context) -> TallyState:
        sizes = {"unit": ctx.observation.shape[0]}
        state = ctx.state(TallyState, sizes=sizes, noise=ctx.random("noise"), taken=ctx.taken(), memo={})
        if self.broken == "dtype" and ctx.dtype == np.float64:
            state.total = state.total.astype(np.float32)
        return state

    def step(self, state: TallyState, signal: Signal) -> Array:
        seen = signal.observation
        state.total *= 0.5
        state.total += seen + state.noise.uniform(1) * 0
        getattr(self, f"_{self.broken}", lambda *_: None)(state, signal)
        return state.taken(state.total.argmax(axis=1))

    def _mixes(self, state: TallyState, signal: Signal) -> None:
        state.total += state.total.mean(axis=0)

    def _forgets(self, state: TallyState, signal: Signal) -> None:
        state.memo["n"] = state.memo.get("n", 0) + 1
        state.total += state.memo["n"]

    def _modifies(self, state: TallyState, signal: Signal) -> None:
        signal.observation[...] = 0

    def _waits(self, state: TallyState, signal: Signal) -> None:
        if float(signal.reward.sum()) > 0:
            state.total += 0

    def _masks(self, state: TallyState, signal: Signal) -> None:
        state.total[signal.reward > 0] = 0

    def _copies(self, state: TallyState, signal: Signal) -> None:
        state.total += np.zeros(state.total.shape[1], dtype=np.float32)

    def _explodes(self, state: TallyState, signal: Signal) -> None:
        state.total[...] = state.total * 1e30 + 1e30

    def _chance(self, state: TallyState, signal: Signal) -> None:
        state.total += np.random.default_rng().random()


@parametrize_with_checks([Tally()])
def test_a_component_that_keeps_its_promises_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        ("dtype", "declared_axes_and_dtypes_hold"),
        ("mixes", "replicas_do_not_interact"),
        ("chance", "same_seed_gives_same_bits"),
        ("modifies", "inputs_are_not_modified"),
        ("waits", "nothing_moves_between_host_and_device"),
        ("masks", "nothing_moves_between_host_and_device"),
        ("copies", "nothing_moves_between_host_and_device"),
        ("forgets", "a_saved_state_continues_bit_for_bit"),
        ("explodes", "zero_input_stays_finite"),
    ],
)
def test_a_broken_promise_is_caught(broken: str, caught_by: str) -> None:
    checks = dict(checks_for(Tally(broken=broken)))
    with pytest.raises((AssertionError, HostTraffic, engram.EngramError)):
        checks[f"tally-{caught_by}"]()


@engram.state
class WideState:
    total: Array = engram.array(doc="sum", unit="1")
    ctx: Context = engram.fixed()


@engram.parameters
class Wide(engram.Memory):
    """Returns float64 in a float32 run."""

    name = "wide"

    def init(self, ctx: Context) -> WideState:
        return ctx.state(WideState, ctx=ctx)

    def step(self, state: WideState, signal: Signal) -> Array:
        return signal.reward * np.float64(2)


def test_a_silent_change_of_precision_is_caught() -> None:
    with pytest.raises(AssertionError, match="action is float64"):
        dict(checks_for(Wide()))["wide-float32_stays_float32"]()


def test_play_returns_the_state_after_each_step_and_the_actions() -> None:
    seen = np.arange(12.0).reshape(3, 2, 2)
    out = play(Tally(), {"observation": seen}, batch=2)
    np.testing.assert_allclose(out["total"][0], seen[0])
    np.testing.assert_allclose(out["total"][2], seen[2] + seen[1] / 2 + seen[0] / 4)
    np.testing.assert_array_equal(out["action"], np.ones((3, 2)))


def test_play_takes_initial_and_forced_state_recorded_draws_and_actions() -> None:
    seen = np.zeros((4, 1, 2))
    out = play(Tally(), {"observation": seen}, start={"total": [[8.0, 0.0]]}, record=("total",))
    np.testing.assert_allclose(out["total"][:, 0, 0], [4, 2, 1, 0.5])
    forced = np.arange(4.0)[:, None, None] + np.zeros((4, 1, 2))
    out = play(
        Tally(), {"observation": seen}, force={"total": forced}, actions=np.array([[3], [1], [4], [1]])
    )
    np.testing.assert_allclose(out["total"][:, 0, 0], [0, 0.5, 1, 1.5])
    np.testing.assert_array_equal(out["action"][:, 0], [3, 1, 4, 1])


@engram.parameters
class Noisy(engram.Memory):
    """Adds its draws."""

    name = "noisy"

    def init(self, ctx: Context) -> TallyState:
        return ctx.state(TallyState, sizes={"unit": 1}, noise=ctx.random("noise"))

    def step(self, state: TallyState, signal: Signal) -> None:
        state.total += state.noise.uniform(1)


def test_play_puts_recorded_draws_in_place_of_streams() -> None:
    draws = np.array([0.5, 0.25, 1.0]).reshape(3, 1, 1)
    out = play(Noisy(), {"observation": np.zeros((3, 1, 1))}, draws={"noise": draws}, every=2)
    np.testing.assert_allclose(out["total"][:, 0, 0], [0.75])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": {"totl": 0}}, "no state array 'totl'; known: total"),
        ({"draws": {"nose": np.zeros(3)}}, "no stream named 'nose'; known: noise"),
        ({"record": ("totl",)}, "nothing to record at 'totl'"),
    ],
)
def test_play_names_what_does_not_exist(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        play(Noisy(), {"observation": np.zeros((3, 1, 1))}, **options)


def test_play_refuses_inputs_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="same number of steps"):
        play(Noisy(), {"observation": np.zeros((3, 1, 1)), "reward": np.zeros((2, 1))})


@engram.state
class WeightState:
    w: Array = engram.array("pre", "post", doc="weight", unit="1")


@engram.parameters
class Hebb(engram.Synapse):
    """Plain Hebbian learning."""

    name = "hebb"
    rate: float = engram.param(default=0.1, doc="learning rate")

    def init(self, ctx: Context, n_pre: int, n_post: int) -> WeightState:
        return ctx.state(WeightState, sizes={"pre": n_pre, "post": n_post})

    def propagate(self, state: WeightState, pre: Array) -> Array:
        return (state.w * pre[:, :, None]).sum(axis=1)

    def learn(self, state: WeightState, pre: Array, post: Array, modulator: Array) -> None:
        state.w += (self.rate * modulator)[:, None, None] * pre[:, :, None] * post[:, None, :]


@parametrize_with_checks([Case(Hebb(rate=0.01), units=(5, 2))])
def test_a_synapse_passes(check: Callable[[], None]) -> None:
    check()


def test_play_drives_a_synapse() -> None:
    ones = np.ones((2, 1, 3))
    out = play(Hebb(), {"pre": ones, "post": ones[..., :2], "modulator": np.ones((2, 1))})
    np.testing.assert_allclose(out["w"][:, 0, 0, 0], [0.1, 0.2])
    np.testing.assert_allclose(out["post"][:, 0, 0], [0, 0.3])


@engram.parameters
class Counter(engram.Task):
    """Counts the actions up."""

    name = "counter"
    observation = Spec(shape=(1,))
    action = Choice(5)

    def init(self, ctx: Context) -> WideState:
        return ctx.state(WideState, ctx=ctx)

    def reset(self, state: WideState) -> Signal:
        return state.ctx.signal(state.total[:, None])

    def step(self, state: WideState, action: Array) -> Signal:
        state.total += action
        return state.ctx.signal(state.total[:, None] + 0, state.total * 2)


@parametrize_with_checks([Counter()])
def test_a_task_passes(check: Callable[[], None]) -> None:
    check()


def test_play_drives_a_task() -> None:
    out = play(Counter(), {"action": np.array([[1], [2], [3]])})
    np.testing.assert_allclose(out["observation"][:, 0, 0], [1, 3, 6])
    np.testing.assert_allclose(out["reward"][:, 0], [2, 6, 12])


@pytest.mark.parametrize(
    "act",
    [
        lambda a: float(a[0]),
        lambda a: bool(a.any()),
        lambda a: int(a.sum()),
        lambda a: a.item(),
        lambda a: a.tolist(),
        lambda a: a[a > 0],
        lambda a: a + np.ones(3),
        lambda a: np.concatenate([a, np.ones(3)]),
        lambda a: np.unique(a),
        lambda a: a.nonzero(),
        lambda a: a.__setitem__(0, np.ones(1)),
        lambda a: device.unique(a),
        lambda a: device.errstate,
    ],
)
def test_the_stand_in_refuses_what_would_stop_a_gpu(act: Callable[[Any], Any]) -> None:
    with pytest.raises(HostTraffic):
        act(device.ones(3))


def test_the_stand_in_refuses_host_values_only_inside_a_step() -> None:
    assert isinstance(device.asarray([1.0, 2.0]), DeviceArray)
    with device.stepping(), pytest.raises(HostTraffic):
        device.asarray([1.0, 2.0])


def test_the_stand_in_computes_what_numpy_does() -> None:
    a = device.arange(6, dtype=np.float32).reshape(2, 3)
    found = device.where(a > 2, a * 2, device.zeros_like(a)).sum(axis=1)
    np.testing.assert_array_equal(found.view(np.ndarray), [0, 24])
    assert isinstance(found[0], DeviceArray) and a.T.dtype == np.float32


@pytest.mark.parametrize(
    "call",
    [
        lambda a: device.where(a > 2),
        lambda a: np.where(a > 2),
        lambda a: device.bincount(a[0]),
        lambda a: device.repeat(a[0], a[0]),
        lambda a: device.setdiff1d(a, a),
        lambda a: np.delete(a, 1),
    ],
)
def test_results_whose_shape_depends_on_values_are_host_traffic(call: Any) -> None:
    with pytest.raises(TypeError, match="waits for the device"):
        call(device.array([[1, 2, 3]]))


def test_results_of_a_known_shape_are_no_host_traffic() -> None:
    a = device.array([[1, 2, 3]])
    assert device.repeat(a, 2, axis=1).shape == (1, 6) and device.where(a > 2, a, 0).shape == (1, 3)


@engram.state
class HeedlessState:
    n: engram.Array = engram.array(doc="nothing")


@engram.parameters
class Heedless(engram.Memory):
    """Chooses by itself, whatever a test would have it do."""

    name = "heedless"

    def init(self, ctx: engram.Context) -> HeedlessState:
        return ctx.state(HeedlessState)

    def step(self, state: HeedlessState, signal: engram.Signal) -> engram.Array:
        return signal.observation.argmax(axis=1)


def test_actions_that_a_memory_would_ignore_are_refused() -> None:
    with pytest.raises(ValueError, match="does not pass its action through ctx.taken"):
        play(Heedless(), {"observation": np.zeros((3, 1, 3))}, actions=[[2], [2], [2]])
