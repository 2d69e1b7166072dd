"""The three-factor rule with `jax.jit`, side by side with engram on one core.

JAX is no dependency of engram. Run this in an environment of its own, from the root of the repository:

    python3 -m venv /tmp/jax && /tmp/jax/bin/pip install jax numba . && /tmp/jax/bin/python benchmarks/peers/run_jax.py

Both take turns in one process bound to one core, JAX with donated buffers and told to use one thread; the
shortest of many rounds counts. The result of one call is compared, too.
"""

from __future__ import annotations

import functools
import math
import os
import sys
from typing import Any

if hasattr(os, "sched_setaffinity"):
    # Before the import: JAX starts as many threads as there are cores.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NUMBA_NUM_THREADS"] = "1"

import numba
import numpy as np

try:
    import jax
    import jax.numpy as jnp
except ModuleNotFoundError:
    sys.exit("run_jax.py: JAX is not installed; see the lines at the top of this file")

from engram.rules import target
from engram_cli.measurement import three_factor
from engram_cli.timing import shortest
from engram_cli.workload import arguments, copying, lengths, traffic

SIZES = {"256": (256, 256), "1024": (1024, 1024), "4096": (4096, 4096), "64x256x256": (64, 256, 256)}
NUMBERS = (0.95, 0.01, 0.012, 0.001, 0.0, 1.0)
SECONDS = 6.0


@functools.partial(jax.jit, donate_argnums=(0, 1))
def peer(
    w: Any, e: Any, x: Any, s: Any, y: Any, q: Any, m: Any,
    decay: Any, a_plus: Any, a_minus: Any, eta: Any, lo: Any, hi: Any,
) -> Any:  # fmt: skip
    """The rule as one writes it for JAX."""
    x, s, y, q, m = x[:, :, None], s[:, :, None], y[:, None, :], q[:, None, :], m[:, None, None]
    e = e * decay + (a_plus * x * q - a_minus * s * y)
    w = jnp.minimum(jnp.maximum(w + eta * m * e, lo), hi)
    return w, e


class Peer:
    """Calls the peer on its own result, as engram updates its arrays.

    Args:
        given: Arguments of the rule, copied.
    """

    def __init__(self, given: list[Any]) -> None:
        self.w, self.e, *self._rest = (
            jnp.array(item, dtype=jnp.float32) if isinstance(item, np.ndarray) else jnp.float32(item)
            for item in given
        )

    def __call__(self) -> None:
        w = self.w
        self.w, self.e = peer(w, self.e, *self._rest)
        self.w.block_until_ready()
        assert w.is_deleted(), "JAX did not take the donated buffer"


def side_by_side(size: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Return ns per element of engram, of JAX and of the copy, and the largest difference after one call."""
    chosen = lengths(three_factor.spec, size)
    given = [*arguments(three_factor.spec, chosen, np)[: -len(NUMBERS)], *NUMBERS]
    other, own = Peer(given), functools.partial(three_factor, *given)
    own()
    other()
    off = max(
        float(np.abs(mine - np.asarray(its)).max())
        for mine, its in zip(given[:2], (other.w, other.e), strict=True)
    )
    copy = copying(traffic(three_factor.spec, given), np)
    times = shortest([own, other, copy], np, SECONDS)
    mine, its, copied = (1e9 * item / math.prod(chosen) for item in times)
    return mine, its, copied, off


def main() -> None:
    """Print the table."""
    print(f"jax {jax.__version__}, numba {numba.__version__}, numpy {np.__version__}; ns an element")
    print(f"{'size':12}{'engram':>9}{'JAX':>9}{'copy':>9}{'JAX/engram':>12}{'difference':>12}")
    with target.chosen("numba"):
        for name, size in SIZES.items():
            own, other, copy, off = side_by_side(size)
            print(f"{name:12}{own:9.3f}{other:9.3f}{copy:9.3f}{other / own:12.2f}{off:12.1e}", flush=True)


if __name__ == "__main__":
    main()
