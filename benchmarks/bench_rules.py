"""How fast the three-factor rule is in float32 on one thread: beside a copy, and beside NumPy.

Run with `NUMBA_NUM_THREADS=1 pytest benchmarks/bench_rules.py -s`. All that is compared takes turns on the same
arrays, and the shortest of many rounds counts; nothing here fails because of a slow machine.

- The copy reads and writes as many bytes as the rule: both weights and eligibilities, once in and once out.
- NumPy in place is what one writes by hand: nine passes with one buffer, no other temporary of that size. It
  adds the two pairs to the eligibility one after the other, so its last bit may differ from the rule's.
- NumPy expressions are the two equations as they stand, with a temporary for each operation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engram.rules import target
from engram_cli.measurement import three_factor
from engram_cli.timing import shortest
from engram_cli.workload import arguments, copying, lengths, traffic

pytest.importorskip("numba")

SIZES = {"256": (256, 256), "1024": (1024, 1024), "4096": (4096, 4096), "64x256x256": (64, 256, 256)}
NUMBERS = (0.95, 0.01, 0.012, 0.001, 0.0, 1.0)
"""decay, a_plus, a_minus, eta, lo, hi."""
SECONDS = 4.0


def in_place(
    buffer: Any, w: Any, e: Any, x: Any, s: Any, y: Any, q: Any, m: Any,
    decay: Any, a_plus: Any, a_minus: Any, eta: Any, lo: Any, hi: Any,
) -> None:  # fmt: skip
    e *= decay
    np.multiply((a_plus * x)[:, :, None], q[:, None, :], out=buffer)
    e += buffer
    np.multiply((a_minus * s)[:, :, None], y[:, None, :], out=buffer)
    e -= buffer
    np.multiply((eta * m)[:, None, None], e, out=buffer)
    w += buffer
    np.maximum(w, lo, out=w)
    np.minimum(w, hi, out=w)


def expressions(
    w: Any, e: Any, x: Any, s: Any, y: Any, q: Any, m: Any,
    decay: Any, a_plus: Any, a_minus: Any, eta: Any, lo: Any, hi: Any,
) -> None:  # fmt: skip
    x, s, y, q, m = x[:, :, None], s[:, :, None], y[:, None, :], q[:, None, :], m[:, None, None]
    e[...] = e * decay + (a_plus * x * q - a_minus * s * y)
    w[...] = np.minimum(np.maximum(w + eta * m * e, lo), hi)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_three_factor_rule(benchmark: Any, size: tuple[int, ...]) -> None:
    """Targets: 90 % of the copy at 4096; 5 times NumPy in place there, 8 times at 256 and 1024."""
    chosen = lengths(three_factor.spec, size)
    elements = math.prod(chosen)
    given = [*arguments(three_factor.spec, chosen, np)[: -len(NUMBERS)], *NUMBERS]
    calls: list[Callable[[], object]] = [
        functools.partial(three_factor, *given),
        copying(traffic(three_factor.spec, given), np),
        functools.partial(in_place, np.empty_like(given[0]), *given),
        functools.partial(expressions, *given),
    ]
    with target.chosen("numba"):
        own, copy, by_hand, plain = (1e9 * item / elements for item in shortest(calls, np, SECONDS))
        benchmark.pedantic(calls[0], rounds=5)
    benchmark.extra_info.update(
        ns_per_element=own,
        fraction_of_copy=copy / own,
        times_numpy_in_place=by_hand / own,
        times_numpy_expressions=plain / own,
    )
    print(
        f"\n{own:.3f} ns an element, {copy / own:.2f} of copy,"
        f" {by_hand / own:.1f} x NumPy in place ({by_hand:.2f}), {plain / own:.1f} x expressions ({plain:.2f})"
    )


def test_a_call_on_next_to_nothing(benchmark: Any) -> None:
    """Target: below 3 us, beside one addition of NumPy."""
    given = arguments(three_factor.spec, (1, 2, 2), np)
    a = np.zeros((2, 2), np.float32)
    with target.chosen("numba"):
        own, addition = shortest(
            [functools.partial(three_factor, *given), functools.partial(np.add, a, a, out=a)], np, 1.0
        )
        benchmark.pedantic(three_factor, args=given, rounds=5)
    benchmark.extra_info["numpy_additions"] = own / addition
    print(f"\n{1e6 * own:.2f} us a call; an addition of NumPy takes {1e6 * addition:.2f} us")
