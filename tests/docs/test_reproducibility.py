"""The page on reproducibility: its definition of random numbers is the kernel's, its error bounds hold."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from engram import exact
from engram.random import INIT_STEP, RESET_STEP


def test_the_definition_in_plain_python_gives_the_kernels_numbers(
    page: Any, follow: Any, scratch: Any
) -> None:
    (block,) = (block for block in page("docs/reproducibility.md").blocks if block.kind == "python")

    follow(scratch, block)


def test_the_reserved_steps_are_those_stated(page: Any) -> None:
    text = page("docs/reproducibility.md").text

    assert "`init` use step 2**32 - 1, those in `reset`\nstep 2**32 - 2" in text
    assert (INIT_STEP, RESET_STEP) == (2**32 - 1, 2**32 - 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_is_as_exact_as_stated(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.lognormal(0, 3, 2000), 1 + rng.normal(0, 1e-3, 2000), rng.uniform(0.5, 2, 2000)])
    x = x.astype(dtype)
    x = x[x != 1]

    with localcontext(prec=40):
        errors = [
            abs(Decimal(float(found)) - (true := Decimal(float(at)).ln()))
            / Decimal(float(np.spacing(abs(dtype(float(true))))))
            for at, found in zip(x, exact.log(x), strict=True)
        ]

    assert max(errors) < 3


def central(z: float) -> Decimal:
    """Return the probability between 0 and z > 0 of a standard normal, by its power series, in many digits."""
    with localcontext(prec=60):
        at = Decimal(z)
        term, total, n = at, at, 0
        while abs(term) > Decimal("1e-50"):
            n += 1
            term *= -at * at / (2 * n)
            total += term / (2 * n + 1)
        pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
        return total / (2 * pi).sqrt()


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 5e-7), (np.float64, 1e-15)])
def test_normal_is_as_exact_as_stated(dtype: Any, bound: float) -> None:
    """The error of the quantile is that of the probability it gives back, divided by density and quantile."""
    offset = np.concatenate([np.linspace(1e-6, 0.4999, 1500), 0.5 - np.logspace(-6, -3, 200)]).astype(dtype)

    for q, found in zip(offset, exact.normal(offset), strict=True):
        z = float(found)
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        missed = float(central(z) - Decimal(float(q)))
        assert abs(missed) / (density * z) < bound
