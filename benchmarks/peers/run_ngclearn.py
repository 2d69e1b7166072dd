"""M-STDP-ET of ngclearn under JAX, side by side with engram on one core.

ngclearn is no dependency of engram, and asks for newer packages than it needs. Run this in an environment of
its own, from the root of the repository:

    python3 -m venv /tmp/ngclearn && /tmp/ngclearn/bin/pip install jax scipy pandas numba "numpy<2.5" .
    /tmp/ngclearn/bin/pip install --no-deps ngclearn ngcsimlib
    /tmp/ngclearn/bin/python benchmarks/peers/run_ngclearn.py

A step is the weighted sum of the input and the change of all weights (`advance_state` and `evolve` there,
`advance` here), with one unit in ten spiking, traces that are given and a modulator that is never 0. ngclearn's
comes in three ways: `run()` of its compiled process; the function compiled by it within a `jax.jit` of
`lax.scan` over 32 steps with donated buffers, which its user has to write; and that under `jax.vmap`, for it has
no replicas. All take turns in one process bound to one core, JAX told to use one thread; processor time, the
median of the rounds. Weights after 32 steps are compared, too.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from importlib.metadata import version
from typing import Any

if hasattr(os, "sched_setaffinity"):
    # Before the import: JAX starts as many threads as there are cores.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np

try:
    import jax
    import jax.numpy as jnp
    import ngclearn
    from ngclearn.components import MSTDPETSynapse
    from ngcsimlib.global_state import stateManager
except ModuleNotFoundError as error:
    sys.exit(f"run_ngclearn.py: {error.name} is not installed; see the lines at the top of this file")

from engram.rules import target
from engram.testing import Case
from engram_cli.timing import rounds
from engram_cli.workload import copying
from engram_stdp import MSTDPET

SIZES = {"256": (1, 256), "1024": (1, 1024), "4096": (1, 4096), "16x256": (16, 256), "16x1024": (16, 1024)}
STEPS = 32
TAU, ETA, DT = 25.0, 0.01, 1.0
BYTES = 16
SECONDS = 2.0
FED = ("inputs", "preSpike", "preTrace", "postSpike", "postTrace", "modulator")


def activity(replicas: int, units: int) -> dict[str, Any]:
    """Return what is fed to ngclearn, (step, replica, 1, unit); the modulator (step, replica, 1, 1)."""
    rng = np.random.default_rng(1)
    shape = (STEPS, replicas, 1, units)
    pre, post = ((rng.random(shape) < 0.1).astype(np.float32) for _ in range(2))
    traces = (rng.random(shape, dtype=np.float32) for _ in range(2))
    modulator = rng.choice([-1, 1], (STEPS, replicas, 1, 1)).astype(np.float32)
    return dict(zip(FED, (pre, pre, next(traces), post, next(traces), modulator), strict=True))


class Own:
    """engram's connection, a step a call.

    Args:
        w: (replica, pre, post) initial weights.
        fed: What `activity` returns.
    """

    def __init__(self, w: Any, fed: dict[str, Any]) -> None:
        replicas, units, _ = w.shape
        # Times in s there and here, whatever a step is called.
        self._synapse = MSTDPET(
            semantics="ngclearn-3.2", trace="given", tau_eligibility=TAU, learning_rate=ETA
        )
        self.state = Case(self._synapse, units=(units, units), dt=DT).driver(replicas).state
        self.state.w[...] = w
        self._fed = itertools.cycle(
            [{name: fed[name][step] for name in FED} for step in range(STEPS)]
        )

    def __call__(self) -> None:
        now = next(self._fed)
        self.state.pre_trace[...], self.state.post_trace[...] = now["preTrace"], now["postTrace"]
        pre, post, modulator = now["preSpike"][:, 0], now["postSpike"][:, 0], now["modulator"][:, 0, 0]
        self._synapse.advance(self.state, pre, post, modulator)


class Peer:
    """ngclearn's connection.

    Args:
        w: (pre, post) initial weights.
        fed: What `activity` returns; that of the first replica is used.
    """

    def __init__(self, w: Any, fed: dict[str, Any]) -> None:
        with ngclearn.Context(f"peer_{len(w)}"):
            self.synapse = MSTDPETSynapse(
                "synapse", shape=w.shape, A_plus=1.0, A_minus=1.0, eta=ETA, tau_elg=TAU, w_bound=1.0
            )
            self.process = (
                ngclearn.MethodProcess("step") >> self.synapse.advance_state >> self.synapse.evolve
            )
            reset = ngclearn.MethodProcess("reset") >> self.synapse.reset
        reset.run()
        self.synapse.weights.set(jnp.array(w))
        # As arrays of JAX beforehand, so that its conversion of NumPy's is not counted.
        self._fed = itertools.cycle(
            [{name: jnp.array(fed[name][step, 0]) for name in FED} for step in range(STEPS)]
        )
        self.root = self.synapse.weights.root.rpartition(":")[0]
        self.start = {
            key: value for key, value in stateManager.state.items() if key.startswith(f"{self.root}:")
        }

    def __call__(self) -> None:
        """A step by `run()`."""
        for name, value in next(self._fed).items():
            getattr(self.synapse, name).set(value)
        self.process.run(t=0.0, dt=DT)
        self.synapse.weights.get().block_until_ready()


class Scan:
    """ngclearn's compiled function inside `lax.scan`, 32 steps a call, for each of several replicas.

    Args:
        peer: Whose function it is.
        w: (replica, pre, post) initial weights.
        fed: What `activity` returns.
    """

    def __init__(self, peer: Peer, w: Any, fed: dict[str, Any]) -> None:
        compiled, root = peer.process.run.compiled, peer.root
        arguments = peer.process.pack_keywords(t=0.0, dt=DT)

        def one(state: Any, now: Any) -> Any:
            return compiled({**state, **now}, arguments)[0], None

        self.name = f"{root}:weights"
        state = {key: jnp.stack([value] * len(w)) for key, value in peer.start.items()}
        state[self.name] = jnp.array(w)
        self._fed = {f"{root}:{name}": jnp.array(item) for name, item in fed.items()}
        step = jax.vmap(one)
        if len(w) == 1:
            step = one
            state = {key: jnp.array(value[0]) for key, value in state.items()}
            self._fed = {key: item[:, 0] for key, item in self._fed.items()}
        self.state = state
        self._run = jax.jit(lambda state, given: jax.lax.scan(step, state, given)[0], donate_argnums=0)

    def __call__(self) -> None:
        self.state = self._run(self.state, self._fed)
        self.state[self.name].block_until_ready()


def side_by_side(replicas: int, units: int) -> tuple[list[float], float]:
    """Return ns a synapse and step of each way, and the largest difference of weights after 32 steps.

    The ways are engram, ngclearn's `run()` (without replicas only, else nan), its scan, and the copy.
    """
    fed = activity(replicas, units)
    w = np.random.default_rng(2).uniform(0.025, 0.8, (replicas, units, units)).astype(np.float32)
    own, peer = Own(w, fed), Peer(w[0], fed)
    scan = Scan(peer, w, fed)
    for _ in range(STEPS):
        own()
    scan()
    off = float(np.abs(own.state.w - np.asarray(scan.state[scan.name]).reshape(w.shape)).max())
    copy = copying(BYTES * w.size, np)
    calls = [own, scan, copy, *([peer] if replicas == 1 else [])]
    found = np.median(rounds(calls, np, SECONDS, time.process_time), axis=0)
    mine, scanned, copied, *run = 1e9 * found / w.size
    return [mine, *(run or [np.nan]), scanned / STEPS, copied], off


def main() -> None:
    """Print the table."""
    versions = f"ngclearn {version('ngclearn')}, jax {jax.__version__}, numba {version('numba')}"
    print(f"{versions}, numpy {np.__version__}; ns a synapse and step of processor time")
    head = ("engram", "run()", "scan", "copy", "run/engram", "scan/engram", "of copy", "difference")
    print(f"{'size':9}" + "".join(f"{name:>12}" for name in head))
    for name, size in SIZES.items():
        (own, run, scan, copy), off = side_by_side(*size)
        numbers = (own, run, scan, copy, run / own, scan / own, copy / own)
        print(f"{name:9}" + "".join(f"{number:12.2f}" for number in numbers) + f"{off:12.1e}", flush=True)


if __name__ == "__main__":
    main()
