"""`engram bench`: rules beside a copy in the same run."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import types
from typing import ClassVar

import numpy as np
import pytest

from engram.rules.rule import rule
from engram.rules.spec import read
from engram_cli import measurement, timing, workload

TINY = ("--size", "8x16", "--seconds", "0")

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")


@rule("v[b]& u[b]; k")
def leak(v, u, k):
    v = v + k * (u - v)
    return v


@rule("w[b,i,j] x[b,i] y[b,j]+")
def forward(w, x):
    return w * x


@rule("v[b]& k[b]")
def shifted(v, k):
    v = v + (k >> 1)
    return v


@pytest.fixture
def offer(registry, monkeypatch):
    """Make rules part of a plugin, in a module inside it."""

    def add(*rules):
        monkeypatch.setitem(sys.modules, "engram_leaky", types.ModuleType("engram_leaky"))
        inner = types.ModuleType("engram_leaky.cell")
        vars(inner).update({item.__name__: item for item in rules})
        monkeypatch.setitem(sys.modules, "engram_leaky.cell", inner)
        registry.register(sys.modules["engram_leaky"], "leaky")

    return add


def test_the_standard_rule_is_measured_and_all_figures_agree(answer):
    (found,) = answer("bench", "--backend", "numpy", *TINY)["measurements"]

    assert found["rule"] == "three_factor"
    assert found["lengths"] == [1, 8, 16]
    assert found["backend"] == "numpy"
    assert found["nbytes"] == 4 * (2 * 2 * 128 + 2 * 8 + 2 * 16 + 1)
    assert found["ns_per_element"] == pytest.approx(1e9 * found["seconds"] / 128)
    assert found["gigabytes_per_second"] == pytest.approx(1e-9 * found["nbytes"] / found["seconds"])
    assert found["fraction_of_copy"] == pytest.approx(found["copy_seconds"] / found["seconds"])


def test_the_table_has_a_line_for_each_size(command):
    done = command("bench", "--backend", "numpy", "--size", "4x4", "--size", "2x4x4", "--seconds", "0")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert [
        "RULE",
        "PACKAGE",
        "SIZE",
        "BACKEND",
        "NS/ELEMENT",
        "GB/S",
        "OF",
        "COPY",
        "FIRST",
        "CALL",
    ] in lines
    assert [line[:4] for line in lines if line[:1] == ["three_factor"]] == [
        ["three_factor", "engram", "1x4x4", "numpy"],
        ["three_factor", "engram", "2x4x4", "numpy"],
    ]


def test_rules_of_plugins_are_measured_at_as_many_elements(answer, offer):
    offer(leak, forward)

    found = answer("bench", "--backend", "numpy", *TINY)["measurements"]

    assert [(item["package"], item["rule"], item["lengths"]) for item in found] == [
        ("engram", "three_factor", [1, 8, 16]),
        ("engram_leaky", "leak", [128]),
        ("engram_leaky", "forward", [1, 8, 16]),
    ]


def test_a_rule_that_floats_do_not_fit_is_named_and_the_others_are_measured(command, answer, offer):
    offer(shifted, leak)

    found = answer("bench", "--backend", "numpy", *TINY)

    assert list(found["refused"]) == ["engram_leaky.shifted"]
    assert [item["rule"] for item in found["measurements"]] == ["three_factor", "leak"]
    assert "engram_leaky.shifted: not measured: " in command("bench", "--backend", "numpy", *TINY).stderr


def test_the_json_names_the_machine(answer, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")

    machine = answer("bench", "--backend", "numpy", *TINY)["machine"]

    assert machine["cpu"]
    assert machine["threads"] == 3
    assert machine["numpy"] == np.__version__
    assert machine["gpu"] == ""


@needs_numba
def test_numba_is_used_where_it_is_asked_for(answer):
    (found,) = answer("bench", "--backend", "numba", *TINY)["measurements"]

    assert found["backend"] == "numba"


@needs_numba
@pytest.mark.parametrize(("size", "backend"), [("16x16", "numpy"), ("256x256", "numba")])
def test_auto_takes_numba_for_large_arrays_alone(answer, monkeypatch, size, backend):
    monkeypatch.setattr("engram.backend.missing_gpu", lambda: "no NVIDIA driver is installed")

    (found,) = answer("bench", "--size", size, "--seconds", "0")["measurements"]

    assert found["backend"] == backend


def test_a_missing_numba_is_said_with_the_remedy(command, monkeypatch):
    monkeypatch.setattr("engram.backend.has_numba", lambda: False)

    done = command("bench", "--backend", "numba", *TINY)

    assert done.exit_code == 2
    assert "Numba is not installed (pip install 'engram[fast]')" in done.stderr


def test_a_missing_gpu_is_an_error_where_it_is_asked_for(command, monkeypatch):
    monkeypatch.setattr("engram.backend.missing_gpu", lambda: "no NVIDIA GPU is visible")

    done = command("bench", "--backend", "cupy", *TINY)

    assert done.exit_code == 2
    assert "no NVIDIA GPU is visible" in done.stderr


@pytest.mark.parametrize("size", ["0x4", "x4", "4x", "large", "-3"])
def test_a_size_that_is_none_is_refused(command, size):
    done = command("bench", f"--size={size}")

    assert done.exit_code == 2
    assert f"{size!r} is no size; write lengths of axes, such as 64x256x256" in done.stderr


@pytest.mark.parametrize(
    ("axes", "size", "lengths"),
    [
        ("b,i,j", (8, 16), (1, 8, 16)),
        ("b,i,j", (4, 8, 16), (4, 8, 16)),
        ("b,j", (4, 8, 16), (32, 16)),
        ("b", (4, 8, 16), (512,)),
        ("b", (16,), (16,)),
    ],
)
def test_any_rule_gets_as_many_elements_as_the_size_says(axes, size, lengths):
    assert workload.lengths(read(f"v[{axes}]&"), size) == lengths


def test_sums_and_updates_count_as_read_and_written():
    given = workload.arguments(forward.spec, (2, 3, 4), np)

    assert workload.traffic(forward.spec, given) == 4 * (24 + 6 + 2 * 8)


def test_a_copy_moves_as_many_bytes_as_it_is_told(monkeypatch):
    moved = []
    monkeypatch.setattr(np, "copyto", lambda into, source: moved.append(into.nbytes + source.nbytes))

    workload.copying(1000, np)()

    assert moved == [1000]


def test_calls_take_turns_and_the_shortest_counts(monkeypatch):
    order = []
    times = iter([1, 1, 9, 9, 5, 4, 3, 6, 7, 2])

    def timed(call, xp, n=1, clock=None):
        call()
        return next(times)

    monkeypatch.setattr(timing, "timed", timed)

    found = timing.shortest([lambda: order.append("a"), lambda: order.append("b")], np, 0)

    assert found == [3, 2]
    assert order == ["a", "b"] * 5


def test_a_call_is_timed_by_the_clock_that_is_given():
    ticks = iter([3.0, 10.0])

    assert timing.timed(lambda: None, np, 1, lambda: next(ticks)) == 7.0


def test_rounds_are_timed_by_the_clock_that_is_given():
    ticks = itertools.count()

    found = timing.rounds([lambda: None], np, 0, lambda: float(next(ticks)))

    assert len(found) == 3
    assert all(0 < calls <= 1 for (calls,) in found)
    assert next(ticks) == 6


class Event:
    """Stands for an event of CuPy: `record` is noted in the order of what the GPU is given to do."""

    log: ClassVar[list[str]] = []

    def record(self):
        self.log.append("record")

    def synchronize(self):
        self.log.append("synchronize")


def test_calls_on_a_gpu_are_timed_by_events_around_all_of_them():
    cuda = types.SimpleNamespace(Event=Event, get_elapsed_time=lambda before, after: 250.0)

    seconds = timing.timed(lambda: Event.log.append("call"), types.SimpleNamespace(cuda=cuda), 2)

    assert seconds == 0.25
    assert Event.log == ["record", "call", "call", "record", "synchronize"]


def test_a_blocked_plugins_rules_are_not_measured(registry, offer):
    offer(leak)
    registry.plugins["leaky"].status = "blocked"

    assert [subject.__name__ for _, subject in measurement.rules(registry)] == ["three_factor"]


def test_the_standard_rule_does_what_its_equations_say():
    rng = np.random.default_rng(3)
    w, e = rng.random((2, 1, 4, 5))
    x, s = rng.random((2, 1, 4))
    y, q = rng.random((2, 1, 5))
    m = np.array([0.7])
    trace = e * 0.9 + (0.1 * np.outer(x, q) - 0.2 * np.outer(s, y))
    weight = np.clip(w + 0.5 * 0.7 * trace, 0.2, 0.8)

    measurement.three_factor(w, e, x, s, y, q, m, 0.9, 0.1, 0.2, 0.5, 0.2, 0.8)

    np.testing.assert_allclose(e, trace, rtol=1e-12)
    np.testing.assert_allclose(w, weight, rtol=1e-12)
