"""The two arenas: bounds, gradients, trials, food, touch."""

import math
import time

import numpy as np
import pytest

import engram
from engram.testing import parametrize_with_checks, play
from engram.testing.playback import Driver
from engram_larva import OdorArena, TouchArena
from engram_larva.arena import Arena, Start, inside
from engram_larva.bout import FEED, RUN, Bouts
from engram_larva.crawler import Crawler
from engram_larva.larva import Larva
from engram_larva.odor import Odor
from engram_larva.preference import sides
from engram_larva.protocol import interval
from engram_larva.touch_arena import Patch, TouchSensor

DT = 0.1
CS, UCS = Odor(name="CS", x=-0.04), Odor(name="UCS", x=0.04)


def walk(task, action, steps, *, batch=8, dtype="float32", seed=1, every=1):
    """Rows of a task under constant gains (batch, stimulus) or (stimulus,)."""
    actions = np.broadcast_to(action, (steps, batch, len(task.action.labels)))
    return play(task, {"action": actions}, batch=batch, dt=DT, dtype=dtype, seed=seed, every=every)


@parametrize_with_checks(
    [
        OdorArena(),
        OdorArena(odors=(CS, UCS, Odor(name="CS", y=0.03)), trial_dur=0.4, test_dur=0.3, train_trials=2),
        OdorArena(
            arena=Arena(shape="rectangle", height=0.06), perception="linear", semantics="larvaworld-2.5"
        ),
        TouchArena(trial_dur=0.4, test_dur=0.3, train_trials=2),
        TouchArena(sensors=(TouchSensor(name="left", aside=0.1), TouchSensor(name="right", aside=-0.1))),
        TouchArena(semantics="larvaworld-2.5", perception="null"),
    ]
)
def test_conformance(check):
    check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("arena", [Arena(), Arena(shape="rectangle", width=0.05, height=0.03)])
def test_a_larva_never_leaves(arena, dtype):
    task = OdorArena(odors=(CS,), arena=arena, start=Start(height=0.01), test_dur=1e4, train_trials=0)
    rows = walk(task, [-300.0], 3000, dtype=dtype)
    for name in ("position", "head"):
        assert inside(*rows[name].reshape(-1, 2).T, arena).all()
    assert np.abs(rows["bend"]).max() <= math.pi + 1e-5
    assert np.abs(rows["heading"]).max() <= math.pi + 1e-5
    apart = np.linalg.norm(rows["head"] - rows["position"], axis=-1)
    np.testing.assert_allclose(apart, 0.0025, rtol=1e-4)
    assert np.linalg.norm(rows["position"], axis=-1).max() > 0.014


@pytest.mark.parametrize(
    ("larva", "longest", "path"),
    [
        (Larva(), 0.1, "turner.tau"),
        (Larva(crawler=Crawler(frequency=20.0)), 0.05, "crawler.frequency"),
        (Larva(bouts=Bouts(bite_frequency=40.0)), 0.025, "bouts.bite_frequency"),
    ],
)
@pytest.mark.parametrize("arena", [OdorArena, TouchArena])
def test_steps_too_long_for_an_oscillator_are_refused(arena, larva, longest, path):
    task, actions = arena(larva=larva), np.zeros((1, 1, 1))
    play(task, {"action": actions}, dt=longest)
    with pytest.raises(engram.RecipeError, match=rf"run\.dt: must be at most {longest} s.*{path}, not 1 s"):
        play(task, {"action": actions}, dt=1.0)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: Bouts(pause_min=1.0, pause_max=0.5), "pause_max must not be below pause_min"),
        (lambda: TouchArena(sensors=(TouchSensor(name="a"),) * 2), "sensors must have different names"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(wrong, text):
    with pytest.raises(engram.InvalidParameters, match=text):
        wrong()


def test_the_sign_of_the_gain_decides_between_approach_and_flight():
    task = OdorArena(odors=(CS, UCS), train_trials=0, test_dur=1e4)
    gains = np.repeat([[150.0, 0.0], [0.0, 0.0], [-150.0, 0.0]], 32, axis=0)
    x = walk(task, gains, 1200, batch=96, every=1200)["position"][-1, :, 0].reshape(3, 32).mean(axis=1)
    assert x[0] < -0.015
    assert abs(x[1]) < 0.015
    assert x[2] > 0.015


@pytest.mark.slow
@pytest.mark.parametrize("semantics", ["intended", "larvaworld-2.5"])
def test_fixed_gains_give_the_preference_of_larvaworld(semantics):
    """larvaworld 2.5.1: +150 gives 0.85 (N = 20), 0 gives 0.10 (N = 10), -150 gives -1.0 (N = 10)."""
    task = OdorArena(odors=(CS, UCS), train_trials=0, test_dur=180.0, semantics=semantics)
    gains = np.repeat([[150.0, 0.0], [0.0, 0.0], [-150.0, 0.0], [-300.0, 0.0]], 400, axis=0)
    x = walk(task, gains, 1799, batch=1600, every=1799)["position"][-1, :, 0].reshape(4, 400)
    side = sides(x, 0.1, CS)
    pi = side.mean(axis=1)
    bounds = [np.round(interval(values), 2).tolist() for values in side]
    print(
        f"{semantics}: PI at +150, 0, -150, -300: {pi}, intervals {bounds}, mean x (mm) {1000 * x.mean(axis=1)}"
    )
    assert (np.abs(pi[:3] - [0.85, 0.0, -1.0]) < [0.08, 0.15, 0.08]).all()


def test_strides_and_runs_have_larvaworlds_statistics():
    task = OdorArena(odors=(CS,), train_trials=0, test_dur=1e4, arena=Arena(width=10.0))
    rows = walk(task, [0.0], 3000, batch=50)
    running = rows["mode"] == RUN
    strides = np.unique(rows["stride"][running])
    np.testing.assert_allclose([strides.mean(), strides.std()], [0.23, 0.04], atol=0.002)
    step = np.linalg.norm(np.diff(rows["position"], axis=0), axis=-1)
    np.testing.assert_allclose(step[running[1:] & running[:-1]].mean() / DT, 1.42 * 0.23 * 0.005, rtol=0.03)
    assert 0.75 < running.mean() < 0.92
    turns = (np.diff(rows["omega"] > 0, axis=0) != 0).sum() / (2 * rows["omega"].shape[1] * 300)
    assert 0.1 < turns < 1.0


def test_twins_share_every_step_until_their_gains_differ():
    task = OdorArena(odors=(CS,), train_trials=0, test_dur=1e4)
    same, other = walk(task, [0.0], 50), walk(task, [300.0], 50)
    np.testing.assert_array_equal(same["stride"], other["stride"])
    np.testing.assert_array_equal(same["mode"], other["mode"])
    assert (same["position"][-1] != other["position"][-1]).any()


def test_trials_start_in_the_middle_and_have_their_length():
    food = Odor(name="CS", x=0.0, food=True, radius=0.1)
    task = OdorArena(odors=(food,), train_trials=2, trial_dur=3.0, test_dur=2.0)
    rows = walk(task, [300.0], 109)
    start, end = rows["start"][:, 0], rows["end"][:, 0]
    np.testing.assert_array_equal(np.flatnonzero(start), [29, 59, 79, 99])
    np.testing.assert_array_equal(np.flatnonzero(end), [28, 58, 78, 98])
    np.testing.assert_array_equal(rows["learn"][:, 0], np.arange(109) < 59)
    np.testing.assert_array_equal(rows["reward"][:, 0], (np.arange(109) < 59) & ~start)
    at_start = rows["position"][start]
    assert (np.abs(at_start[..., 0]) <= 0.005 + 1e-6).all()
    assert (np.abs(at_start[..., 1]) <= 0.02 + 1e-6).all()
    assert len(np.unique(at_start[..., 0])) == at_start[..., 0].size
    assert not rows["observation"][start].any()
    assert not rows["output"][start].any()
    assert not rows["observation"][np.flatnonzero(start)[:-1] + 1].any()
    assert rows["observation"][3:20].any()


def test_the_observation_is_the_change_that_the_sensor_used():
    task = OdorArena(odors=(CS, UCS), train_trials=0, test_dur=1e4)
    rows = walk(task, [100.0, -50.0], 40, dtype="float64")
    drive = rows["observation"] @ np.array([100.0, -50.0])
    output = np.zeros(8)
    for step in range(40):
        output = np.clip(output * math.exp(-0.01) + DT * drive[step], -1, 1)
        np.testing.assert_allclose(rows["output"][step], output, rtol=1e-9, atol=1e-15)
    distance = np.linalg.norm(rows["head"] - [-0.04, 0.0], axis=-1)
    np.testing.assert_allclose(rows["distance"][..., 0], distance, rtol=1e-9)
    level = 2 * np.exp(-(distance**2) / 0.02)
    np.testing.assert_allclose(
        rows["observation"][1:, :, 0][1:], (level[1:] / level[:-1] - 1)[:-1], atol=1e-12
    )


def test_the_output_is_held_only_where_intended():
    big = Odor(name="CS", spread=5e-4)
    rows = {}
    for semantics in ("intended", "larvaworld-2.5"):
        task = OdorArena(odors=(big,), train_trials=0, test_dur=1e4, semantics=semantics)
        rows[semantics] = np.abs(walk(task, [300.0], 300)["output"]).max()
    assert rows["intended"] == 1.0
    assert rows["larvaworld-2.5"] > 2


def test_larvae_feed_where_they_find_food():
    food = Odor(name="CS", x=0.0, food=True, radius=0.1)
    fed = walk(OdorArena(odors=(food,), train_trials=9, trial_dur=1e3), [0.0], 600)
    assert 0.6 < (fed["mode"] == FEED).mean() < 0.9
    path = np.linalg.norm(np.diff(fed["position"], axis=0), axis=-1).sum(axis=0)
    hungry = walk(OdorArena(odors=(food,), train_trials=0, test_dur=1e3), [0.0], 600)
    assert not (hungry["mode"] == FEED).any()
    assert not hungry["on_food"].any()
    assert (path < np.linalg.norm(np.diff(hungry["position"], axis=0), axis=-1).sum(axis=0)).all()
    full = Larva(bouts=Bouts(appetite=0.0))
    passing = walk(OdorArena(odors=(food,), train_trials=9, trial_dur=1e3, larva=full), [0.0], 600)
    assert passing["on_food"].all()
    assert not (passing["mode"] == FEED).any()


def test_naive_and_unrewarded_larvae():
    food = Odor(name="CS", x=0.0, food=True, radius=0.1)
    naive = walk(OdorArena(odors=(food,), trained=False, innate_gain=20.0), [300.0], 20)
    assert (naive["gain"] == 20.0).all()
    assert not naive["learn"].any()
    control = walk(OdorArena(odors=(food,), rewarded=False), [300.0], 20)
    assert control["on_food"].all()
    assert not control["reward"].any()
    assert control["learn"].all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"odors": ()}, "at least one source"),
        ({"start": Start(x=0.047)}, "within the arena"),
        ({"arena": Arena(width=0.03)}, "within the arena"),
    ],
)
def test_impossible_arenas_are_refused(parameters, message):
    with pytest.raises(engram.InvalidParameters, match=message):
        OdorArena(**parameters)
    if "odors" not in parameters:
        with pytest.raises(engram.InvalidParameters, match=message):
            TouchArena(**parameters)
    with pytest.raises(engram.InvalidParameters, match="at least one"):
        TouchArena(patches=())


def test_touch_is_perceived_once_at_onset_and_once_at_loss():
    still = Larva(crawler=Crawler(stride=0.25))
    task = TouchArena(patches=(Patch(x=0.005, radius=0.004),), larva=still, train_trials=0, test_dur=1e4)
    rows = walk(task, [0.0], 3000, batch=20)
    change, contact = rows["change"][..., 0], rows["contact"][..., 0]
    np.testing.assert_array_equal(np.cumsum(change, axis=0), contact)
    assert (change == 1).sum() > 20
    assert (change == -1).sum() > 20
    np.testing.assert_allclose(rows["touched"][-1, :, 0], DT * contact.sum(axis=0), rtol=1e-4)
    ends = np.flatnonzero(change[1:, 0] == -1)
    bouts = [rows["touching"][end, 0, 0] for end in ends]
    np.testing.assert_allclose(sum(bouts) + rows["touching"][-1, 0, 0], rows["touched"][-1, 0, 0], rtol=1e-4)


def test_larvaworlds_touch_cannot_show_an_onset():
    patch = (Patch(x=0.005, radius=0.004),)
    for perception, values in (("log", {-1, 0}), ("linear", {-1, 0}), ("null", {0, 1})):
        task = TouchArena(
            patches=patch, train_trials=0, test_dur=1e4, semantics="larvaworld-2.5", perception=perception
        )
        assert set(walk(task, [0.0], 1000, batch=16)["change"].reshape(-1)) == values


def test_touch_gains_turn_the_larva():
    task = TouchArena(train_trials=0, test_dur=1e4, start=Start(width=0.0, height=0.0))
    a, b = (walk(task, [gain], 1500, batch=50) for gain in (0.0, 10.0))
    lost = (a["change"] == -1).any(axis=(0, 2))
    assert lost.any()
    apart = (a["heading"] != b["heading"]).any(axis=0)
    assert apart[lost].all()


def test_a_sensor_sits_where_it_is_said():
    sensors = (
        TouchSensor(name="left", ahead=0.0, aside=0.4),
        TouchSensor(name="right", ahead=0.0, aside=-0.4),
    )
    start = Start(width=0.0, height=0.0, heading=math.pi / 2, heading_range=0.0)
    task = TouchArena(patches=(Patch(x=-0.002, radius=0.001),), sensors=sensors, start=start)
    assert task.action.labels == ("left", "right")
    rows = walk(task, [0.0, 0.0], 1)
    np.testing.assert_array_equal(rows["contact"][0], np.tile([1.0, 0.0], (8, 1)))


@pytest.mark.slow
def test_fixed_touch_gains_change_the_time_in_contact():
    gains = (-300.0, -10.0, 0.0, 10.0, 300.0)
    task = TouchArena(train_trials=0, test_dur=300.0)
    rows = walk(task, np.repeat(gains, 200)[:, None], 2999, batch=1000)
    touched = rows["touched"][-1, :, 0].reshape(5, 200)
    bouts = (rows["change"][..., 0] == 1).sum(axis=0).reshape(5, 200).sum(axis=1)
    for gain, times, bout in zip(gains, touched, bouts, strict=True):
        bounds = np.round(interval(times), 1).tolist()
        print(f"gain {gain}: {times.mean():.1f} s {bounds} in contact, a contact {times.sum() / bout:.1f} s")
    mean = touched.mean(axis=1)
    assert mean[0] < mean[2] < mean[4]
    assert mean[1] < mean[2] < mean[3]


@pytest.mark.slow
@pytest.mark.parametrize("batch", [100, 1000])
@pytest.mark.parametrize("task", [OdorArena(), TouchArena()], ids=["odor", "touch"])
def test_a_step_is_cheap(task, batch):
    driver = Driver(task, batch, np.dtype("float32"), dt=DT)
    gain = np.zeros((batch, 1), dtype=np.float32)
    times = []
    for part in range(6):
        begun = time.perf_counter()
        for step in range(500 * part, 500 * (part + 1)):
            driver.streams.clock.step = step
            task.step(driver.state, gain)
        times.append(2000 * (time.perf_counter() - begun))
    times = times[1:]
    print(f"{task.name}, {batch}: {np.median(times):.0f} us a step ({min(times):.0f} to {max(times):.0f})")
    assert np.median(times) < 5000
