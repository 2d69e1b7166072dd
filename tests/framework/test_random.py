"""Named streams: known answers, distributions, and dependence on what, when and who alone."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from engram import exact
from engram.random import INIT_STEP, RESET_STEP, Streams, stream_id
from engram.rules import target
from engram.rules.philox import normal, philox
from engram.testing import device

KNOWN = [
    # Random123, tests/kat_vectors: philox4x32, 10 rounds
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def streams(batch: int = 4, dtype: str = "float32", seed: int = 11, **options: Any) -> Streams:
    made = Streams(seed, options.pop("ids", np.arange(batch)), options.pop("xp", np), dtype)
    made.clock.step = 0
    return made


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_published_answers(
    counter: tuple[int, ...], key: tuple[int, int], answer: str
) -> None:
    words = philox(tuple(np.array([word], dtype=np.uint64) for word in counter), key)  # type: ignore[arg-type]
    assert " ".join(f"{int(word[0]):08x}" for word in words) == answer


def test_a_draw_is_the_philox_word_of_draw_step_replica_and_stream() -> None:
    source = streams(ids=[5, 9], seed=(7 << 32) | 3)
    source.clock.step = 21
    drawn = source.stream("memory.explore").uniform(6)
    for row, replica in enumerate((5, 9)):
        for draw in range(6):
            parts = (draw // 4, 21, replica, stream_id("memory.explore"))
            words = philox(tuple(np.array([p], dtype=np.uint64) for p in parts), (3, 7))  # type: ignore[arg-type]
            assert drawn[row, draw] == np.float32(int(words[draw % 4][0]) >> 8) * np.float32(2.0**-24)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_a_float32_draw_is_the_float64_draw_at_lower_precision(kind: str) -> None:
    low = getattr(streams(500, "float32").stream("a"), kind)(8)
    high = getattr(streams(500, "float64").stream("a"), kind)(8)
    assert low.dtype == np.float32 and high.dtype == np.float64
    near = np.abs(high) < 3
    np.testing.assert_allclose(low[near], high[near], atol=2e-5)
    if kind == "uniform":
        np.testing.assert_array_equal(low, np.floor(high * 2**24) / 2**24)


def test_uniforms_have_the_moments_of_a_uniform() -> None:
    drawn = streams(2000, "float64").stream("a").uniform(50)
    assert abs(drawn.mean() - 0.5) < 0.004 and abs(drawn.var() - 1 / 12) < 0.001
    assert drawn.min() >= 0 and drawn.max() < 1


def test_normals_have_the_moments_of_a_normal_and_replicas_are_independent() -> None:
    drawn = streams(2000, "float64").stream("a").normal(50)
    assert abs(drawn.mean()) < 0.013 and abs(drawn.std() - 1) < 0.01
    assert abs((drawn**3).mean()) < 0.04 and abs((drawn**4).mean() - 3) < 0.12
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.012


def test_integers_are_even_over_their_range() -> None:
    drawn = streams(3000).stream("a").integers(7, 30)
    counts = np.bincount(drawn.ravel(), minlength=7)
    assert len(counts) == 7 and np.abs(counts / drawn.size - 1 / 7).max() < 0.004


@pytest.mark.parametrize("n", [0, -1, 2**31 + 1])
def test_an_impossible_range_of_integers_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match="integers"):
        streams().stream("a").integers(n)


@given(
    steps=st.lists(st.integers(0, 300), min_size=1, max_size=12, unique=True).map(sorted),
    ids=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6, unique=True),
    kind=st.sampled_from(["uniform", "normal", "integers"]),
    size=st.integers(1, 9),
)
def test_a_number_depends_only_on_what_when_and_who(
    steps: list[int], ids: list[int], kind: str, size: int
) -> None:
    def draw(source: Streams, step: int) -> Any:
        source.clock.step = step
        arguments = (1000, size) if kind == "integers" else (size,)
        return getattr(source.stream("x"), kind)(*arguments).copy()

    together = streams(ids=ids)
    rows = [draw(together, step) for step in steps]
    for step, row in zip(steps, rows, strict=True):
        for index, replica in enumerate(ids):
            np.testing.assert_array_equal(row[index], draw(streams(ids=[replica]), step)[0])


def test_looking_ahead_changes_nothing() -> None:
    ahead = streams(3)
    for step in range(40):
        ahead.clock.step = step
        fresh = streams(3)
        fresh.clock.step = step
        np.testing.assert_array_equal(ahead.stream("x").normal(2), fresh.stream("x").normal(2))


def test_streams_of_other_names_and_seeds_differ() -> None:
    base = streams().stream("a").uniform(4)
    assert not np.array_equal(base, streams().stream("b").uniform(4))
    assert not np.array_equal(base, streams(seed=12).stream("a").uniform(4))


def test_drawing_twice_in_a_step_is_refused() -> None:
    stream = streams().stream("memory.explore")
    stream.uniform()
    with pytest.raises(RuntimeError, match="memory.explore.*twice in step 0"):
        stream.uniform()


def test_a_trial_stream_changes_with_the_replicas_trials_alone() -> None:
    source = streams(3)
    stream = source.stream("where", clock="trial")
    first = stream.uniform().copy()
    source.clock.step = 17
    np.testing.assert_array_equal(stream.uniform(), first)
    source.clock.trial = np.array([0, 1, 0])
    source.clock.version += 1
    second = stream.uniform().copy()
    np.testing.assert_array_equal(second != first, [False, True, False])


def test_a_trial_stream_cannot_be_drawn_from_before_the_first_trial_exists() -> None:
    source = streams()
    source.clock.step = INIT_STEP
    with pytest.raises(RuntimeError, match="init"):
        source.stream("where", clock="trial").uniform()


def test_colliding_stream_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engram.random.stream_id", lambda path: 1)
    source = streams()
    source.stream("a")
    with pytest.raises(ValueError, match="'a' and 'b' collide"):
        source.stream("b")


def test_the_path_of_a_gpu_gives_the_same_bits() -> None:
    for kind in ("uniform", "normal"):
        host = getattr(streams(300).stream("a"), kind)(5)
        there = getattr(streams(300, xp=device).stream("a"), kind)(5)
        np.testing.assert_array_equal(host, there.view(np.ndarray))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_rarest_normals_have_the_bits_of_exact_normal(dtype: str) -> None:
    ends = np.array([0, 1 << 8, 1 << 29, 1 << 31, (1 << 32) - 1], dtype=np.uint64)
    bits = 24 if dtype == "float32" else 53
    number = (ends >> np.uint64(8)).astype(object)
    if dtype == "float64":
        number = number * 2**29 + (ends >> np.uint64(3)).astype(object)
    offset = np.array([(2 * k + 1 - 2**bits) / 2 ** (bits + 1) for k in number], dtype=dtype)

    drawn = normal(lambda block: ends[None, None], np.dtype(dtype))

    assert drawn[0, 0].tobytes() == exact.normal(offset).tobytes()


def test_the_bits_of_the_streams_are_final() -> None:
    """Results of earlier versions must come out again; a change here breaks every published seed."""
    digest = hashlib.sha256()
    for dtype in ("float32", "float64"):
        source = streams(50, dtype, seed=2026)
        for kind, arguments in (("uniform", (9,)), ("normal", (9,)), ("integers", (1000, 9))):
            digest.update(np.ascontiguousarray(getattr(source.stream(kind), kind)(*arguments)).tobytes())
    assert digest.hexdigest() == FINAL


FINAL = "cdb9caa9726f0b453739586d34c12ff452b9ac8312111e0e649610cb737ed530"


def test_the_bits_of_exact_normal_and_log_are_final() -> None:
    digest = hashlib.sha256()
    for dtype in (np.float32, np.float64):
        offset = (np.arange(-4999, 5000) / 10001).astype(dtype)
        digest.update(exact.normal(offset).tobytes() + exact.log(offset[offset > 0]).tobytes())
    assert digest.hexdigest() == FINAL_EXACT


FINAL_EXACT = "2421336fe209b1a4413ac81ea0709c1a2f2bba3eef701777c3e203696aabab4a"


@pytest.mark.parametrize(("step", "when"), [(INIT_STEP, "init"), (RESET_STEP, "reset")])
def test_drawing_twice_where_the_numbers_would_be_the_same_is_refused(step: int, when: str) -> None:
    streams = Streams(1, [0, 1], np, np.float32)
    streams.clock.step = step
    stream = streams.stream("memory.weights")
    stream.normal(2)
    with pytest.raises(RuntimeError, match=f"memory.weights.*twice in {when}"):
        stream.normal(2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_draws_of_a_compiled_run_have_the_bits_of_array_code(dtype: str, shape: tuple[int, ...]) -> None:
    pytest.importorskip("numba")

    def drawn(how: target.Choice) -> list[bytes]:
        made, found = Streams(2**63 + 5, np.array([0, 7, 2**40]), np, dtype), []
        with target.chosen(how):
            for step in range(20):
                made.clock.step = step
                found += [
                    made.stream("a").uniform(*shape).tobytes(),
                    made.stream("b").normal(*shape).tobytes(),
                    made.stream("c").integers(7, *shape).tobytes(),
                ]
        return found

    assert drawn("numba") == drawn("numpy")
