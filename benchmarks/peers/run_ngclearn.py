"""M-STDP-ET of ngclearn under JAX, side by side with engram on one core.

ngclearn is no dependency of engram, and asks for newer packages than it needs. Run this in an environment of
its own, from the root of the repository:

    python3 -m venv /tmp/ngclearn
    /tmp/ngclearn/bin/pip install jax matplotlib typing_extensions numba "numpy<2.5" .
    /tmp/ngclearn/bin/pip install --no-deps ngclearn ngcsimlib
    /tmp/ngclearn/bin/python benchmarks/peers/run_ngclearn.py

A step is the weighted sum of the input and the change of all weights, with one unit in ten spiking and a
modulator that is never 0. It comes in two ways:

- a call for each step: `run()` of ngclearn's compiled process of `advance_state` and `evolve`, and `advance` here;
- 32 steps whose spikes are known, in one call: the function that ngclearn compiled, in a `jax.jit` of `lax.scan`
  with donated buffers, which its user has to write, and `advance_steps` here.

engram also works out the traces, which ngclearn is given. For it has no replicas, 16 of them are a `jax.vmap` of
its function, in `jax.jit` for the calls. All take turns in one process bound to one core, JAX told to use one
thread; processor time, the median of the rounds. engram takes its rules as a run with Numba does. Weights
after 32 steps are compared, too.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
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
TAU, TAU_TRACE, ETA, DT = 25.0, 20.0, 0.01, 1.0
BYTES = 16
SECONDS = 8.0
FED = ("inputs", "preSpike", "preTrace", "postSpike", "postTrace", "modulator")


def activity(replicas: int, units: int) -> dict[str, Any]:
    """Return what is fed to ngclearn, (step, replica, 1, unit); the modulator (step, replica, 1, 1)."""
    rng = np.random.default_rng(1)
    pre, post = ((rng.random((STEPS, replicas, 1, units)) < 0.1).astype(np.float32) for _ in range(2))
    modulator = rng.choice([-1, 1], (STEPS, replicas, 1, 1)).astype(np.float32)
    values = pre, pre, traces(pre), post, traces(post), modulator
    return dict(zip(FED, values, strict=True))


def traces(spikes: Any) -> Any:
    """Return traces of spikes that lead with the step, each that of its own spike, too."""
    remains = np.float32(np.exp(-DT / TAU_TRACE))
    found = np.zeros_like(spikes)
    for step, spike in enumerate(spikes):
        found[step] = (remains * found[step - 1] if step else 0) + spike
    return found


class Own:
    """engram's connection, a step a call.

    Args:
        w: (replica, pre, post) initial weights.
        fed: What `activity` returns.
    """

    def __init__(self, w: Any, fed: dict[str, Any]) -> None:
        replicas, units, _ = w.shape
        # ngclearn's times have no unit: a step is 1 here as there.
        self._synapse = MSTDPET(
            semantics="ngclearn-3.2",
            tau_plus=TAU_TRACE,
            tau_minus=TAU_TRACE,
            tau_eligibility=TAU,
            learning_rate=ETA,
        )
        self.state = Case(self._synapse, units=(units, units), dt=DT).driver(replicas).state
        self.state.w[...] = w
        spikes = fed["preSpike"][:, :, 0], fed["postSpike"][:, :, 0], fed["modulator"][:, :, 0, 0]
        self._fed = itertools.cycle(list(zip(*spikes, strict=True)))
        self._known = tuple(np.moveaxis(item, 0, 1).copy() for item in spikes)

    def __call__(self) -> None:
        self._synapse.advance(self.state, *next(self._fed))

    def steps(self) -> None:
        """32 steps in one call."""
        self._synapse.advance_steps(self.state, *self._known)


class Peer:
    """ngclearn's connection.

    Args:
        w: (pre, post) initial weights.
        fed: What `activity` returns; that of the first replica is used.
    """

    def __init__(self, w: Any, fed: dict[str, Any]) -> None:
        with ngclearn.Context(f"peer_{len(w)}"):
            self._synapse = MSTDPETSynapse(
                "synapse", shape=w.shape, A_plus=1.0, A_minus=1.0, eta=ETA, tau_elg=TAU, w_bound=1.0
            )
            self._process = (
                ngclearn.MethodProcess("step") >> self._synapse.advance_state >> self._synapse.evolve
            )
            reset = ngclearn.MethodProcess("reset") >> self._synapse.reset
        reset.run()
        self._synapse.weights.set(jnp.array(w))
        # As arrays of JAX beforehand, so that its conversion of NumPy's is not counted.
        self._fed = itertools.cycle(
            [{name: jnp.array(fed[name][step, 0]) for name in FED} for step in range(STEPS)]
        )
        self.root = self._synapse.weights.root.rpartition(":")[0]
        self.start = {
            key: value for key, value in stateManager.state.items() if key.startswith(f"{self.root}:")
        }

    def step(self, state: Any) -> Any:
        """Return the state after a step, by the function that ngclearn compiled."""
        return self._process.run.compiled(state, self._process.pack_keywords(t=0.0, dt=DT))[0]

    def __call__(self) -> None:
        """A step by `run()`."""
        for name, value in next(self._fed).items():
            getattr(self._synapse, name).set(value)
        self._process.run(t=0.0, dt=DT)
        self._synapse.weights.get().block_until_ready()


class Replicas:
    """ngclearn's compiled function for each of several replicas, a step a call.

    Args:
        peer: Whose function it is.
        w: (replica, pre, post) initial weights.
        fed: What `activity` returns.
    """

    def __init__(self, peer: Peer, w: Any, fed: dict[str, Any]) -> None:
        self._name = f"{peer.root}:weights"
        self._state = {key: jnp.stack([value] * len(w)) for key, value in peer.start.items()}
        self._state[self._name] = jnp.array(w)
        self._fed = itertools.cycle(
            [{f"{peer.root}:{name}": jnp.array(fed[name][step]) for name in FED} for step in range(STEPS)]
        )
        self._run = jax.jit(jax.vmap(peer.step))

    def __call__(self) -> None:
        self._state = self._run({**self._state, **next(self._fed)})
        self._state[self._name].block_until_ready()


class Scan:
    """ngclearn's compiled function inside `lax.scan`, 32 steps a call, under `jax.vmap` if there are replicas.

    Args:
        peer: Whose function it is.
        w: (replica, pre, post) initial weights.
        fed: What `activity` returns.
    """

    def __init__(self, peer: Peer, w: Any, fed: dict[str, Any]) -> None:
        self._name = f"{peer.root}:weights"
        step = jax.vmap(peer.step)
        self._state = {key: jnp.stack([value] * len(w)) for key, value in peer.start.items()}
        self._fed = {f"{peer.root}:{name}": jnp.array(item) for name, item in fed.items()}
        if len(w) == 1:
            step = peer.step
            self._state = {key: jnp.array(value) for key, value in peer.start.items()}
            self._fed = {key: item[:, 0] for key, item in self._fed.items()}
        self._state[self._name] = jnp.array(w if len(w) > 1 else w[0])
        self._run = jax.jit(
            lambda state, fed: jax.lax.scan(lambda held, now: (step({**held, **now}), None), state, fed)[0],
            donate_argnums=0,
        )

    @property
    def w(self) -> Any:
        """Weights."""
        return self._state[self._name]

    def __call__(self) -> None:
        self._state = self._run(self._state, self._fed)
        self.w.block_until_ready()


@target.chosen("numba")
def side_by_side(size: str) -> tuple[list[float], float]:
    """Return ns a synapse and step: a call of engram and of ngclearn, steps of both, the copy; how weights differ."""
    replicas, units = SIZES[size]
    fed = activity(replicas, units)
    w = np.random.default_rng(2).uniform(0.025, 0.8, (replicas, units, units)).astype(np.float32)
    own, known, peer = Own(w, fed), Own(w, fed), Peer(w[0], fed)
    scan = Scan(peer, w, fed)
    for _ in range(STEPS):
        own()
    known.steps()
    scan()
    assert np.array_equal(own.state.w, known.state.w)
    off = float(np.abs(own.state.w - np.asarray(scan.w).reshape(w.shape)).max())
    called = peer if replicas == 1 else Replicas(peer, w, fed)
    calls = [own, called, known.steps, scan, copying(BYTES * w.size, np)]
    times = 1e9 * np.median(rounds(calls, np, SECONDS, time.process_time), axis=0) / w.size
    times[2:4] /= STEPS
    return list(times), off


def main() -> None:
    """Print the table."""
    versions = f"ngclearn {version('ngclearn')}, jax {jax.__version__}, numba {version('numba')}"
    print(f"{versions}, numpy {np.__version__}; ns a synapse and step of processor time")
    head = ("call", "its call", "steps", "its scan", "copy", "of calls", "of scan", "copy/call", "copy/steps")
    print(f"{'size':9}" + "".join(f"{name:>11}" for name in (*head, "difference")))
    # A process for each size: the arrays of every connection ever made go through each `run()` of ngclearn.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for name, (times, off) in zip(SIZES, pool.map(side_by_side, SIZES), strict=True):
            call, its, steps, scan, copy = times
            numbers = (*times, its / call, scan / steps, copy / call, copy / steps)
            print(f"{name:9}" + "".join(f"{number:11.2f}" for number in numbers) + f"{off:11.1e}", flush=True)


if __name__ == "__main__":
    main()
