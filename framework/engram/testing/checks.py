"""The conformance kit: what every component must promise, as parametrised tests."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import attrs
import numpy as np

from engram_hdf5 import toml

from ..backend import choose, missing_gpu
from ..components import Choice, Component, Spec, Synapse, Task
from ..convert import METADATA, Problem, from_mapping, to_mapping
from ..declare import ArrayField, EventsField, Parameter, slots_of
from ..exchange import check_state
from ..plugins import registry
from ..rules.loop import Target
from .device import device
from .playback import Driver, Host
from .target import CompiledDriver, obstacle

_STEPS = 12
Trace = dict[str, Host]


@attrs.frozen
class Case:
    """A component and the world it is checked in.

    Attributes:
        component: The component.
        observation: What a memory sees.
        action: What a memory's task takes.
        units: (pre, post) of a synapse.
        dt: Length of a step in s.
        trial_steps: Steps of the longest trial of a memory's task.
    """

    component: Component
    observation: Spec | Choice = attrs.field(factory=lambda: Spec(shape=(3,)))
    action: Spec | Choice | None = None
    units: tuple[int, int] = (4, 3)
    dt: float = 0.1
    trial_steps: int | None = None

    @property
    def label(self) -> str:
        """The component's name, for test ids."""
        return type(self.component).name

    def driver(self, batch: int, **options: Any) -> Driver:
        """Return a fresh driver of the component; with `target`, one of its body as compiled code."""
        pre, post = self.units
        kind = CompiledDriver if "target" in options else Driver
        sizes = {"pre": np.zeros((1, batch, pre)), "post": np.zeros((1, batch, post))}
        dtype = np.dtype(options.pop("dtype", "float32"))
        return kind(
            self.component, batch, dtype, dt=self.dt, observation=self.observation, action=self.action,
            sizes=sizes if isinstance(self.component, Synapse) else None, trial_steps=self.trial_steps,
            **options,
        )  # fmt: skip

    def inputs(
        self, replicas: Iterable[int], steps: int = _STEPS, quiet: bool = False
    ) -> list[dict[str, Host]]:
        """Return inputs of each step, (batch, ...) by name; each replica's depend on its number alone."""
        each = [self._inputs_of(replica, steps, quiet) for replica in replicas]
        return [
            {name: np.stack([one[name][step] for one in each]) for name in each[0]} for step in range(steps)
        ]

    def _inputs_of(self, replica: int, steps: int, quiet: bool) -> dict[str, Host]:
        rng = np.random.default_rng(replica)
        scale = 0.0 if quiet else 1.0
        if isinstance(self.component, Synapse):
            pre, post = self.units
            activity = {"pre": (steps, pre), "post": (steps, post), "modulator": (steps,)}
            return {
                name: scale * rng.integers(0, 2, shape).astype(np.float32) for name, shape in activity.items()
            }
        if isinstance(self.component, Task):
            action = self.component.action
            return (
                {"none": np.zeros(steps)}
                if action is None
                else {"action": _sample(action, rng, steps, scale)}
            )
        end = np.arange(steps) % 6 == 5
        return {
            "observation": _sample(self.observation, rng, steps, scale),
            "reward": scale * rng.integers(0, 2, steps).astype(np.float32),
            "start": np.arange(steps) % 6 == 0,
            "end": end,
            "truncated": end & (rng.random(steps) < 0.5),
        }


def _sample(space: Spec | Choice, rng: np.random.Generator, steps: int, scale: float) -> Host:
    if isinstance(space, Choice):
        return rng.integers(0, space.n, steps) if scale else np.zeros(steps, dtype=np.int64)
    low = -1.0 if space.low is None else space.low
    high = 1.0 if space.high is None else space.high
    values = low + (high - low) * rng.random((steps, *space.shape))
    return (scale * values).astype(np.float32 if space.dtype == "float" else space.dtype)


def _run(driver: Driver, inputs: list[dict[str, Host]], first: int = 0) -> Trace:
    rows: dict[str, list[Host]] = {}
    for step, given in enumerate(inputs, first):
        made = driver.step(step, given)
        for path, value in driver.arrays(made):
            rows.setdefault(path, []).append(np.array(value.get() if hasattr(value, "get") else value))
    return {path: np.stack(values) for path, values in rows.items()}


def _same(one: Trace, other: Trace, what: str) -> None:
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_array_equal(one[path], other[path], err_msg=f"{what}: {path}")


def declared_axes_and_dtypes_hold(case: Case) -> None:
    """State arrays have the declared axes and precision before and after steps, at batch 1 and 5."""
    for batch in (1, 5):
        for dtype in ("float32", "float64"):
            driver = case.driver(batch, dtype=dtype)
            _run(driver, case.inputs(range(batch), 3))
            check_state(list(slots_of(driver.state, driver.role)), batch, np.dtype(dtype))


def replicas_do_not_interact(case: Case) -> None:
    """A batch of five equals five runs of one, bit for bit."""
    together = _run(case.driver(5), case.inputs(range(5)))
    for replica in range(5):
        alone = _run(case.driver(1, replicas=[replica]), case.inputs([replica]))
        _same(
            alone,
            {path: value[:, replica : replica + 1] for path, value in together.items()},
            f"replica {replica}",
        )


def same_seed_gives_same_bits(case: Case) -> None:
    """Two runs of one seed are equal, bit for bit."""
    one, two = (_run(case.driver(3, seed=7), case.inputs(range(3))) for _ in range(2))
    _same(one, two, "same seed")


def inputs_are_not_modified(case: Case) -> None:
    """What is handed to a component is the same afterwards."""
    driver = case.driver(2)
    for step, inputs in enumerate(case.inputs(range(2))):
        given = driver.given(inputs)
        driver.step_given(step, given)
        _same(driver.given(inputs), given, "input")


def nothing_moves_between_host_and_device(case: Case) -> None:
    """A step works on arrays that refuse float(), bool(), boolean indexing, host arrays; bits are equal."""
    on_device = _run(case.driver(3, xp=device), case.inputs(range(3)))
    _same(_run(case.driver(3), case.inputs(range(3))), on_device, "stand-in for a GPU")


def parameters_survive_toml(case: Case) -> None:
    """The component equals the one built from its own TOML."""
    problems: list[Problem] = []
    table = tomllib.loads(toml.dumps(to_mapping(case.component)))
    table.pop("use", None)
    again = from_mapping(type(case.component), table, case.label, problems, registry().find)
    assert not problems, problems
    assert again == case.component


def everything_is_documented(case: Case) -> None:
    """Every parameter and state array says what it is and in which unit, every field of events what it is."""
    assert type(case.component).__doc__, "the class has no docstring"
    state = case.driver(1).state
    owners: tuple[Any, ...] = (type(case.component), type(state))
    for owner in owners:
        for field in attrs.fields(owner):
            info = field.metadata[METADATA]
            if isinstance(info, Parameter | ArrayField):
                assert info.doc and info.unit, f"{owner.__name__}.{field.name} lacks doc or unit"
            elif isinstance(info, EventsField):
                assert info.doc, f"{owner.__name__}.{field.name} lacks doc"


def a_saved_state_continues_bit_for_bit(case: Case) -> None:
    """Arrays put into a fresh state continue as if there had been no break."""
    inputs = case.inputs(range(3))
    half = len(inputs) // 2
    driver = case.driver(3)
    _run(driver, inputs[:half])
    saved = {slot.path.partition(".")[2]: np.array(slot.value) for slot in driver.slots}
    trial = np.array(driver.streams.clock.trial)
    again = case.driver(3)
    again.write(saved)
    again.streams.clock.trial = trial
    again.signal = driver.signal
    _same(_run(driver, inputs[half:], half), _run(again, inputs[half:], half), "after restore")


def float32_stays_float32(case: Case) -> None:
    """Nothing a step returns is float64 in a float32 run."""
    driver = case.driver(2, dtype="float32")
    for step, given in enumerate(case.inputs(range(2), 4)):
        for path, value in driver.step(step, given).items():
            assert value.dtype != np.float64, f"{path} is float64"


def zero_input_stays_finite(case: Case) -> None:
    """Without input and reward, nothing runs away in 300 steps."""
    trace = _run(case.driver(1), case.inputs([0], 300, quiet=True))
    for path, value in trace.items():
        assert np.isfinite(value).all(), f"{path} is not finite"


def a_gpu_gives_the_cpu_result(case: Case) -> None:
    """On a GPU, results agree with the processor's."""
    import pytest

    obstacle = missing_gpu()
    if obstacle is not None:
        pytest.skip(f"no GPU: {obstacle}")
    there = _run(case.driver(3, xp=choose("cupy").xp), case.inputs(range(3)))
    for path, value in _run(case.driver(3), case.inputs(range(3))).items():
        np.testing.assert_allclose(there[path], value, rtol=1e-5, atol=1e-6, err_msg=path)


def numba_gives_the_bits_of_array_code(case: Case) -> None:
    """A body compiled by Numba leaves what its array code, or a step written by hand, leaves."""
    _compiled(case, "numba")


def c_gives_the_bits_of_array_code(case: Case) -> None:
    """So does the text for GPUs, compiled for the host."""
    _compiled(case, "host")


def the_layout_of_gpus_gives_the_bits_of_array_code(case: Case) -> None:
    """So does that text with replicas side by side, as they lie on a GPU."""
    _compiled(case, "host", side_by_side=True)


def _compiled(case: Case, target: Target, **layout: bool) -> None:
    import pytest

    if (why := obstacle(target)) is not None:
        pytest.skip(why)
    for dtype in ("float32", "float64"):
        inputs = case.inputs(range(3), 2 * _STEPS)
        wanted = _run(case.driver(3, dtype=dtype), inputs)
        found = _run(case.driver(3, dtype=dtype, target=target, **layout), inputs)
        _same(wanted, found, f"{target}, {dtype}")


CHECKS: tuple[Callable[[Case], None], ...] = (
    declared_axes_and_dtypes_hold,
    replicas_do_not_interact,
    same_seed_gives_same_bits,
    inputs_are_not_modified,
    nothing_moves_between_host_and_device,
    parameters_survive_toml,
    everything_is_documented,
    a_saved_state_continues_bit_for_bit,
    float32_stays_float32,
    zero_input_stays_finite,
    a_gpu_gives_the_cpu_result,
)
BODY_CHECKS = (
    numba_gives_the_bits_of_array_code,
    c_gives_the_bits_of_array_code,
    the_layout_of_gpus_gives_the_bits_of_array_code,
)


def checks_for(component: Component | Case) -> list[tuple[str, Callable[[], None]]]:
    """Return (name, check) pairs of one component; a check fails where a promise is broken."""
    case = component if isinstance(component, Case) else Case(component)
    has_body = getattr(case.component, "body", None) is not None
    checks = (*CHECKS, *BODY_CHECKS) if has_body else CHECKS
    return [(f"{case.label}-{check.__name__}", partial(check, case)) for check in checks]


def parametrize_with_checks(components: Iterable[Component | Case]) -> Any:
    """Decorate a test `def test_conformance(check): check()` to run every check on every component.

    Args:
        components: Components, or `Case`s where the world matters (shapes of observation and action).
    """
    import pytest

    pairs = [pair for component in components for pair in checks_for(component)]
    params = [
        pytest.param(
            check, id=name, marks=[pytest.mark.gpu] if name.endswith("a_gpu_gives_the_cpu_result") else []
        )
        for name, check in pairs
    ]
    return pytest.mark.parametrize("check", params)
