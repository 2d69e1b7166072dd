"""Procedures: rules whose loops are their own give the same bits as array code, with Numba and in C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import engram
from engram import EngramError, RuleError
from engram.rules import target
from engram.testing import device

NUMBERS = [0.0, -0.0, 1.0, -2.5, 1e-40, 1e30, np.inf, np.nan]


@engram.rule
def add_row(total: Any, w: Any, i: int, x: float) -> None:
    for j in range(len(total)):
        total[j] += w[i, j] * x


@engram.rule("w[b,:,:]& p[b,:] q[b,:] m[b] total[b,:]& steps[b]&")
def learn_where_it_fired(w, p, q, m, total, steps):
    for j in range(len(q)):
        total[j] = 0.0
    for i in range(len(p)):
        if p[i] != 0:
            add_row(total, w, i, p[i])
        for j in range(len(q)):
            w[i, j] = min(max(w[i, j] + m * p[i] * q[j], -1.0), 1.0)
    steps += 1


@engram.rule("w[b,:,:]& listed[b,:]& q[b,:] count[b]&")
def touch_what_is_listed(w, listed, q, count):
    count = 0
    for j in range(len(q)):
        if q[j] > 0:
            listed[count] = j
            count += 1
    for i in range(len(w)):
        for place in range(count - 1):
            w[i, listed[place]] += q[listed[place]]


def given(seed: int, sizes: tuple[int, int, int], dtype: str) -> tuple[list[Any], list[Any]]:
    """Arguments of the two procedures above."""
    rng = np.random.default_rng(seed)
    batch, pre, post = sizes
    w = rng.choice(NUMBERS, (batch, pre, post)).astype(dtype)
    p, q = (
        np.where(rng.random((batch, n)) < 0.5, 0.0, rng.choice(NUMBERS, (batch, n))).astype(dtype)
        for n in (pre, post)
    )
    m, whole = rng.normal(size=batch).astype(dtype), np.zeros(batch, dtype=np.int32)
    first = [w, p, q, m, np.ones_like(q), whole]
    return first, [w, np.zeros((batch, post), dtype=np.int32), q, whole]


def outcomes(procedure: Any, arrays: list[Any]) -> dict[str, list[bytes]]:
    """The bytes of all arrays after the procedure, by what ran it; all nan are alike."""
    found = {}
    with np.errstate(all="ignore"):
        for name in ("reference", "host", "numba", "bound"):
            own = [array.copy() for array in arrays]
            with target.chosen("numba" if name in ("numba", "bound") else "numpy"):
                {
                    "reference": procedure.reference,
                    "host": procedure.on_host,
                    "numba": procedure,
                    "bound": lambda *given: procedure.bind(*given)(),
                }[name](*own)
            found[name] = [np.where(one == one, one, np.nan * one).tobytes() for one in own]
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 7), (2, 2, 8)])
@pytest.mark.parametrize("which", [0, 1])
def test_array_code_numba_and_c_give_the_same_bits(
    which: int, sizes: tuple[int, int, int], dtype: str
) -> None:
    procedure = (learn_where_it_fired, touch_what_is_listed)[which]
    for seed in range(20):
        found = outcomes(procedure, given(seed, sizes, dtype)[which])
        assert found["numba"] == found["reference"]
        assert found["bound"] == found["reference"]
        assert found["host"] == found["reference"]


def test_it_does_what_the_function_says() -> None:
    w, total = np.full((1, 2, 2), 0.5, dtype=np.float32), np.zeros((1, 2), dtype=np.float32)
    p, q, m = (np.array([row], dtype=np.float32) for row in ([1, 0], [0, 1], 0.25))
    steps = np.array([4], dtype=np.int32)

    learn_where_it_fired(w, p, q, m, total, steps)

    assert w.tolist() == [[[0.5, 0.75], [0.5, 0.5]]]
    assert total.tolist() == [[0.5, 0.5]]
    assert steps.tolist() == [5]


@pytest.mark.parametrize("which", [0, 1])
def test_its_text_compiles_for_gpus(which: int, compiles_for_cuda: Callable[[str], None]) -> None:
    procedure = (learn_where_it_fired, touch_what_is_listed)[which]
    for dtype in ("float32", "float64"):
        compiles_for_cuda(procedure.source("cuda", *given(1, (2, 3, 4), dtype)[which]))


def test_arrays_that_are_not_contiguous_are_taken_too() -> None:
    arrays, _ = given(3, (2, 4, 4), "float32")
    wanted = [array.copy() for array in arrays]
    learn_where_it_fired.reference(*wanted)
    arrays[0] = np.asfortranarray(arrays[0])
    arrays[1].flags.writeable = False
    with target.chosen("numba"), np.errstate(all="ignore"):
        learn_where_it_fired(*arrays)
    np.testing.assert_array_equal(arrays[0], wanted[0])
    np.testing.assert_array_equal(arrays[4], wanted[4])


def test_a_bound_call_reads_and_writes_the_arrays_where_they_are() -> None:
    arrays, _ = given(4, (1, 3, 3), "float32")
    arrays[0][...] = 0
    with target.chosen("numba"):
        call = learn_where_it_fired.bind(*arrays)
    arrays[1][...], arrays[2][...], arrays[3][...] = 1, 1, 0.25
    call()
    call()
    assert (arrays[0] == 0.5).all()
    assert arrays[5].tolist() == [2]


def test_arrays_of_another_module_get_no_call_that_was_chosen_for_these() -> None:
    @engram.rule("w[b,:]& x[b]")
    def add_everywhere(w, x):
        for j in range(len(w)):
            w[j] += x

    host = [np.zeros((2, 3), dtype=np.float32), np.ones(2, dtype=np.float32)]
    elsewhere = [device.asarray(array.copy()) for array in host]
    with target.chosen("numba"):
        add_everywhere(*host)
        add_everywhere(*elsewhere)
    assert (elsewhere[0].view(np.ndarray) == 1).all()


def test_no_replicas_are_no_work() -> None:
    arrays, _ = given(5, (1, 2, 2), "float32")
    with target.chosen("numba"):
        learn_where_it_fired(*(array[:0] for array in arrays))


def test_replicas_may_be_shared_out_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engram.rules.procedure._PARALLEL", 1)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    arrays, _ = given(6, (3, 5, 6), "float32")
    found = outcomes(learn_where_it_fired, arrays)
    assert found["numba"] == found["reference"] == found["bound"]


def test_an_array_of_another_shape_is_named() -> None:
    arrays, _ = given(7, (2, 3, 4), "float32")
    arrays[1] = arrays[1][0]
    with pytest.raises(EngramError, match="'learn_where_it_fired': p needs 2 axes, the first as long as"):
        learn_where_it_fired(*arrays)
    with pytest.raises(EngramError, match="takes 6 arrays, has 5"):
        learn_where_it_fired(*arrays[:5])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("w[b,:]& x[c,:]", "'x\\[c,:\\]': where an axis is `:`"),
        ("w[b,:]& x[b,i]", "'x\\[b,i\\]'"),
        ("w[b,:]& w[b]", "a name occurs twice"),
        ("w[b,:] x[b]", "nothing receives a result"),
        ("w[b,:]& y[b]", "the spec gives w, y, the function takes w, x"),
    ],
)
def test_a_spec_that_is_none_is_refused(text: str, line: str) -> None:
    with pytest.raises(EngramError, match=line):

        @engram.rule(text)
        def wrong(w, x):
            w[0] = x


def test_what_is_not_marked_may_not_be_written() -> None:
    @engram.rule("w[b,:]& x[b,:]")
    def writes_x(w, x):
        x[0] = w[0]

    with pytest.raises(RuleError, match="assigns to 'x', which the spec does not mark"):
        writes_x(np.zeros((1, 2)), np.zeros((1, 2)))
