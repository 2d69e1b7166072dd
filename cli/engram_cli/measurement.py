"""How fast a rule is, beside a copy of as many bytes in the same run."""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from engram.plugins import Registry
from engram.rules import target
from engram.rules.rule import Rule, rule
from engram_cli.timing import shortest, timed
from engram_cli.workload import arguments, copying, lengths, traffic


@rule("w[b,i,j]& e[b,i,j]& x[b,i] s[b,i] y[b,j] q[b,j] m[b]; decay a_plus a_minus eta lo hi")
def three_factor(
    w: Any, e: Any, x: Any, s: Any, y: Any, q: Any, m: Any,
    decay: Any, a_plus: Any, a_minus: Any, eta: Any, lo: Any, hi: Any,
) -> Any:  # fmt: skip
    """The standard of `engram bench`: spike pairs leave an eligibility, a modulator makes it a weight."""
    e = e * decay + (a_plus * x * q - a_minus * s * y)
    w = min(max(w + eta * m * e, lo), hi)
    return w, e


@attrs.frozen
class Measurement:
    """One rule at one size.

    Attributes:
        rule: Name of the rule.
        package: Package that it comes from.
        lengths: Length of each of its axes.
        backend: What applied it: "numpy", "numba" or "cupy".
        nbytes: Bytes of its arrays that a call reads and writes.
        seconds: Time of a call, the shortest of several rounds; likewise `copy_seconds`, of a copy that
            reads and writes as many bytes.
        first_call: Time of the first call in s: to compile it, or to load what was compiled before.
    """

    rule: str
    package: str
    lengths: tuple[int, ...]
    backend: str
    nbytes: int
    seconds: float
    copy_seconds: float
    first_call: float

    @property
    def ns_per_element(self) -> float:
        """Time per element in ns."""
        return 1e9 * self.seconds / math.prod(self.lengths)

    @property
    def gigabytes_per_second(self) -> float:
        """Traffic of the arrays in GB/s."""
        return 1e-9 * self.nbytes / self.seconds

    @property
    def fraction_of_copy(self) -> float:
        """The same traffic, as a fraction of that of the copy."""
        return self.copy_seconds / self.seconds


def rules(registry: Registry) -> Iterator[tuple[str, Rule]]:
    """Yield the standard rule, then those in the modules of engram and of loaded plugins, each once.

    Yields:
        The package that a rule comes from, and the rule.
    """
    seen = {id(three_factor)}
    yield "engram", three_factor
    loaded = (plugin.target for plugin in registry.plugins.values() if plugin.status == "loaded")
    for package in ("engram", *loaded):
        for name, module in sorted(sys.modules.items()):
            if name == package or name.startswith(f"{package}."):
                found = [item for item in vars(module).values() if isinstance(item, Rule)]
                yield from ((package, item) for item in found if id(item) not in seen)
                seen |= {id(item) for item in found}


def measure(package: str, subject: Rule, size: tuple[int, ...], xp: Any, seconds: float) -> Measurement:
    """Measure a rule.

    Args:
        package: Package that it comes from.
        subject: The rule.
        size: Lengths of the last axes; see `lengths`.
        xp: The array module.
        seconds: Time for the measurement, the first call apart.

    Raises:
        EngramError: The rule does not take floats alone.
    """
    chosen = lengths(subject.spec, size)
    given = arguments(subject.spec, chosen, xp)
    nbytes = traffic(subject.spec, given)
    copy, call = copying(nbytes, xp), functools.partial(subject, *given)
    begun = time.perf_counter()
    timed(call, xp)
    first = time.perf_counter() - begun
    own, copied = shortest([call, copy], xp, seconds)
    numba = xp is np and target.wants_numba(math.prod(chosen))
    backend = "numba" if numba else str(xp.__name__)
    return Measurement(subject.__name__, package, chosen, backend, nbytes, own, copied, first)
