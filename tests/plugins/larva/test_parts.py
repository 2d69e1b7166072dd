"""The parts of a larva against larvaworld 2.5.1 and against their own equations."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

import engram
from engram_larva.arena import Arena, Start, inside, placed
from engram_larva.body import Body, direction, turning, wrapped
from engram_larva.bout import FEED, PAUSE, RUN, Bouts, alternate, count_down, draw
from engram_larva.crawler import CYCLE, Crawler, coupling, speed
from engram_larva.odor import Odor, concentration, square_distance
from engram_larva.sensor import contact_change, leak, perceive
from engram_larva.touch_arena import Patch, TouchSensor, contact_of
from engram_larva.trial import advance, signals
from engram_larva.turner import Turner, activation, cycle, oscillate

GOLDEN = Path(__file__).parents[2] / "golden" / "larvaworld"


def golden(name):
    with np.load(GOLDEN / f"{name}.npz") as data:
        return {key: data[key] for key in data}


def sensed(level, gain, perception, decay, dt):
    """Changes (time, stimulus) and outputs (time,) of one sensor that reads `level` (time, stimulus)."""
    previous, output, changes, outputs = np.zeros((1, level.shape[1])), np.zeros(1), [], []
    for row in level:
        change = perceive(row[None], previous, perception)
        output = leak(output, (gain * change).sum(axis=1), math.exp(-dt * decay), dt)
        previous = row[None]
        changes.append(change[0])
        outputs.append(output[0])
    return np.array(changes), np.array(outputs)


@pytest.mark.parametrize("perception", ["log", "linear", "null"])
def test_sensor_equals_larvaworld(perception):
    data = golden("sensor_traces")
    change, output = sensed(data["conc"], data["gain"], perception, data["decay_coef"], data["dt"])
    np.testing.assert_allclose(change, data[f"{perception}_dX"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(output, data[f"{perception}_out"], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["closed_loop_n1", "closed_loop_n2"])
def test_gains_act_on_the_change_of_their_own_step(name):
    """larvaworld's closed loop: the memory decides on the previous change, then the sensor reads."""
    data = golden(name)
    previous, output = np.zeros_like(data["conc"][:1]), np.zeros(1)
    for step, level in enumerate(data["conc"][:, None]):
        change = perceive(level, previous, "log")
        output = leak(output, (data["gain"][step] * change).sum(axis=1), math.exp(-0.01), 0.1)
        previous = level
        np.testing.assert_allclose(change[0], data["dX"][step], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(output[0], data["output"][step], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("perception", ["log", "linear", "null"])
def test_touch_through_a_concentration_sensor_equals_larvaworld(perception):
    data = golden("sensor_traces")
    contact = data["touch_contact"].astype(float)[:, None]
    change, _ = sensed(contact, np.ones(1), perception, data["decay_coef"], data["dt"])
    np.testing.assert_array_equal(change[:, 0], data[f"touch_{perception}_dX"])


def test_contact_change_shows_onset_and_loss():
    contact = golden("sensor_traces")["touch_contact"].astype(float)
    change = contact_change(contact[1:], contact[:-1])
    assert set(change) == {-1.0, 0.0, 1.0}
    np.testing.assert_array_equal(np.cumsum(change) + contact[0], contact[1:])
    np.testing.assert_array_equal(golden("sensor_traces")["touch_log_dX"].max(), 0.0)


@given(arrays(float, (4, 3), elements=st.floats(0, 1e6)), arrays(float, (4, 3), elements=st.floats(0, 1e6)))
def test_nothing_is_perceived_at_first_sight(level, previous):
    for perception in ("log", "linear"):
        change = perceive(level, np.zeros_like(level), perception)
        assert not change.any()
    assert not perceive(level, level, "linear").any()
    assert np.isfinite(perceive(level, np.maximum(previous, 1e-3), "log")).all()


@pytest.mark.parametrize("baseline", [20, 15])
def test_turner_equals_larvaworld(baseline):
    data = golden("neural_turner")
    turner = Turner(baseline=float(baseline))
    rates = (np.zeros(1),) * 6
    for step, drive in enumerate(data[f"b{baseline}_A"].reshape(-1, 1)):
        u = activation(drive, turner)
        rates = oscillate(*rates, u, turner, 0.1)
        e_left, e_right, c_left, c_right, h_left, h_right = np.concatenate(rates)
        state = [e_left, h_left, e_right, h_right, c_left, h_left, c_right, h_right]
        np.testing.assert_allclose(u, data[f"b{baseline}_activation"][step], rtol=1e-12)
        np.testing.assert_allclose(state, data[f"b{baseline}_state"][step], rtol=1e-9, atol=1e-12)
        output = data[f"b{baseline}_out_npfloat"][step]
        np.testing.assert_allclose(e_right - e_left, output, rtol=1e-9, atol=1e-12)


def test_turner_swings_evenly_to_both_sides():
    table = cycle(Turner(), 0.1, 2000)
    output = table[:, 0, 1] - table[:, 0, 0]
    assert abs(output.mean()) < 0.05 * output.std()
    assert output.std() > 5


def test_turner_in_finer_steps_keeps_its_rhythm():
    def crossings(dt):
        table = cycle(Turner(), dt, round(60 / dt))
        return (np.diff(np.sign(table[:, 0, 1] - table[:, 0, 0])) != 0).sum()

    assert abs(crossings(0.02) - crossings(0.01)) <= 0.1 * crossings(0.01)


def test_concentration_is_the_gaussian_of_its_variance():
    square = square_distance(np.array([-0.03, 0.05]), np.array([0.0, 0.08]), Odor(name="CS", x=-0.03))
    np.testing.assert_allclose(square, [0.0, 0.0128])
    at = concentration(np.array([0.0, 0.01]), np.array([2.0, 4.0]), np.array([0.01, 0.01]))
    np.testing.assert_allclose(at, [2.0, 4.0 * math.exp(-0.5)])


def test_coupling_lets_the_turner_through_between_strides():
    phase = np.linspace(0, CYCLE, 100)
    share = coupling(phase, Crawler())
    assert abs(phase[share.argmax()] - 3.4) < 0.05
    np.testing.assert_allclose([share.min(), share.max()], [0.1, 0.7], atol=0.01)


def test_a_stride_covers_its_length():
    crawler = Crawler()
    phase = np.linspace(0, CYCLE, 10001)[:-1]
    mean = speed(phase, np.full(10000, 0.23), 0.005, crawler).mean()
    np.testing.assert_allclose(mean / crawler.frequency, 0.23 * 0.005, rtol=1e-9)


def test_bouts_follow_their_distributions():
    bouts = Bouts()
    number = (np.arange(100_000) + 0.5) / 100_000
    n = draw(bouts.strides(), 1, number)
    assert (n.min(), n.max()) == (1, 142)
    weight = np.exp(-(((np.log(np.arange(1, 143)) - 1.39115) / 1.14667) ** 2) / 2) / np.arange(1, 143)
    np.testing.assert_allclose(np.bincount(n, minlength=143)[1:] / 1e5, weight / weight.sum(), atol=2e-5)
    pause = draw(bouts.pauses(0.1), bouts.fewest(0.1), number) * 0.1
    assert pause.min() == 0.1
    assert 10 < pause.max() < 15.94
    np.testing.assert_allclose(pause.mean(), 0.1 / (1 - math.exp(-0.101503)), rtol=0.01)


@given(st.floats(0, 1, exclude_max=True, width=32))
def test_every_number_gives_a_bout_within_range(number):
    bouts = Bouts()
    drawn = draw(bouts.strides(), 1, np.full(1, number, dtype=np.float32))
    assert 1 <= drawn[0] <= 142
    entries = np.array(bouts.strides(), dtype=np.float32)
    assert drawn[0] == np.searchsorted(entries, np.float32(number), side="right") + 1


def test_both_tables_of_bouts_end_in_certainty():
    bouts = Bouts(stride_max=3)
    run, pause = bouts.lengths(0.1)
    assert run == (*bouts.strides(), *[1.0] * (len(pause) - 3))
    assert pause == bouts.pauses(0.1)


@pytest.mark.parametrize("entries", [1, 2, 3, 4, 5, 8, 9])
def test_a_table_of_any_length_is_searched_to_its_ends(entries):
    cumulative = tuple((np.arange(entries) + 1) / entries)
    number = np.concatenate([[0.0, 1 - 2**-53], cumulative[:-1], np.nextafter(cumulative[:-1], 0)])
    expected = np.searchsorted(cumulative, number, side="right") + 3
    np.testing.assert_array_equal(draw(cumulative, 3, number), expected)


def test_bouts_alternate():
    mode = np.array([RUN, RUN, PAUSE, PAUSE, RUN, FEED, FEED, FEED], dtype=np.int8)
    left = np.array([1, 1, 1, 2, 5, 0, 0, 0], dtype=np.int32)
    strode = np.array([True, False, False, False, False, False, False, False])
    bitten = np.array([False, False, False, False, False, True, True, False])
    eats = np.array([False, False, False, False, True, True, False, False])
    on_food = np.array([False, False, False, False, True, True, True, True])
    left, over = count_down(mode, left, strode)
    mode, runs, pauses = alternate(mode, over, bitten, eats & on_food)
    np.testing.assert_array_equal(mode, [PAUSE, RUN, RUN, PAUSE, FEED, FEED, RUN, FEED])
    np.testing.assert_array_equal(runs, [0, 0, 1, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(pauses, [1, 0, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(left, [0, 1, 0, 1, 5, 0, 0, 0])


@given(st.floats(-3.1, 3.1), st.floats(-50, 50), st.floats(-100, 100))
def test_the_bend_stays_within_half_a_turn(bend, omega, output):
    turned = turning(np.array([omega]), np.array([bend]), np.array([output]), Body(), 0.1)
    assert abs(bend + 0.1 * turned[0]) <= math.pi * (1 + 1e-12)


@given(st.floats(-100, 100))
def test_wrapped_angles_point_the_same_way(angle):
    turned = wrapped(np.array([angle]))[0]
    assert abs(turned) <= math.pi + 1e-12
    assert math.isclose(math.cos(turned), math.cos(angle), abs_tol=1e-12)
    np.testing.assert_allclose(
        direction(np.array([angle])), [[math.cos(angle)], [math.sin(angle)]], atol=1e-15
    )


def test_outlines_of_arenas():
    x, y = np.array([0.0, 0.04, 0.0]), np.array([0.049, 0.04, 0.051])
    np.testing.assert_array_equal(inside(x, y, Arena()), [True, False, False])
    np.testing.assert_array_equal(inside(x, y, Arena(shape="rectangle")), [True, True, False])
    assert Start().fits(Arena(), 0.0025)
    assert not Start(x=0.045).fits(Arena(), 0.0025)
    assert not Start(y=0.02).fits(Arena(shape="rectangle", height=0.05), 0.0)


def test_a_start_is_within_its_region():
    region = Start(x=0.01, width=0.02, height=0.04, heading=math.pi / 2)
    numbers = np.array([0.0, 0.5, 1.0])
    x, y, heading = placed(numbers, numbers, numbers, region)
    np.testing.assert_allclose(x, [0.0, 0.01, 0.02], atol=1e-15)
    np.testing.assert_allclose(y, [-0.02, 0.0, 0.02], atol=1e-15)
    np.testing.assert_allclose(heading, [-math.pi / 2, math.pi / 2, -math.pi / 2], atol=1e-12)


def test_a_sensor_is_in_contact_where_it_touches_any_patch():
    sensor = TouchSensor(name="left", ahead=0.5, aside=0.25)
    patches = (Patch(x=0.0, y=0.01, radius=0.002), Patch(x=0.02, y=-0.005, radius=0.002))
    x, y = np.array([0.001, 0.02, 0.02, 0.0]), np.array([0.008, 0.0, -0.005, 0.0])
    along, across = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, -1.0, 0.0, 0.0])
    # Joint to sensor with 4 mm of body: 2 mm along the heading, 1 mm to its left.
    found = contact_of(x, y, along, across, sensor, 0.004, patches)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert contact_of(x, y - 0.003, along, across, sensor, 0.004, patches)[1] == 1.0


def test_trials_have_their_number_of_signals():
    trial, remaining = np.full(1, -1, dtype=np.int32), np.zeros(1, dtype=np.int32)
    starts, ends, tests = [], [], []
    for signal in range(20):
        start, trial, testing, remaining = advance(trial, remaining, 2, (3, 5))
        if start[0]:
            starts.append(signal)
        if remaining[0] == 0:
            ends.append(signal)
        tests.append(bool(testing[0]))
    assert starts == [0, 3, 6, 11, 16]
    assert ends == [2, 5, 10, 15]
    assert tests == [False] * 6 + [True] * 14
    with pytest.raises(engram.RecipeError, match="fewer than two"):
        signals(0.1, 0.1)
