"""Declarations and recipes: strict values, every mistake named, round trips."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, strategies as st

import engram
from engram import InvalidParameters, PluginError, RecipeError, Spec
from engram.components import Context
from engram.convert import from_mapping, to_mapping
from engram.declare import parameters_of
from engram.launch import split
from engram.plugins import Registry, registry
from engram.recipe import Recipe, resolve
from engram_hdf5 import toml

Make = Callable[..., Recipe]


@engram.parameters
class Source:
    """A nested table."""

    x: float = engram.param(default=0.0, unit="m", doc="place")
    label: str = engram.param(doc="name")


@engram.parameters
class Sample:
    """Every kind of parameter."""

    rate: float = engram.param(default=0.5, ge=0, le=1, doc="a number")
    count: int = engram.param(default=2, gt=0, doc="an integer")
    fast: bool = engram.param(default=False, doc="a switch")
    mode: Literal["a", "b"] = engram.param(default="a", doc="a choice")
    levels: tuple[float, ...] = engram.param(default=(1.0, 2.0), ge=0, doc="a list")
    pair: tuple[int, str] = engram.param(default=(1, "x"), doc="a mixed list")
    limit: float | None = engram.param(default=None, lt=9, doc="maybe a number")
    sources: tuple[Source, ...] = engram.param(default=(), doc="tables")

    def check(self) -> None:
        """The count may not exceed the number of levels."""
        if self.count > len(self.levels):
            raise ValueError("count must not exceed the number of levels")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate", "high", "must be a number, not 'high'"),
        ("rate", True, "must be a number"),
        ("rate", float("nan"), "must be a number, not nan"),
        ("rate", 1.5, "must be <= 1, not 1.5"),
        ("count", 2.7, "must be an integer, not 2.7"),
        ("count", "4", "must be an integer, not '4'"),
        ("count", 0, "must be > 0, not 0"),
        ("count", True, "must be an integer"),
        ("fast", 1, "must be true or false, not 1"),
        ("mode", "c", "must be one of 'a', 'b', not 'c'"),
        ("levels", 3, "must be a list, not 3"),
        ("levels", [1, "x"], "must be a number, not 'x'"),
        ("levels", [1, -1], "must be >= 0, not -1"),
        ("pair", [1], "must be a list of 2 values, not 1"),
        ("limit", 9, "must be < 9, not 9"),
        ("limit", "x", "must be a number"),
        ("sources", [3], "must be a table, not 3"),
        ("sources", [{"x": 1}], "is required"),
        ("sources", [{"label": "a", "y": 1}], "unknown parameter"),
        ("count", 3, "count must not exceed the number of levels"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason(name: str, value: Any, message: str) -> None:
    problems: list[tuple[str, str]] = []
    assert from_mapping(Sample, {name: value}, "memory", problems) is None
    assert len(problems) == 1 and problems[0][0].startswith("memory") and message in problems[0][1]
    with pytest.raises(InvalidParameters, match="Sample"):
        Sample(**{name: value})


def test_integers_are_numbers_and_lists_become_tuples() -> None:
    sample = Sample(rate=1, levels=[1, 2, 3], limit=np.float32(2.5))  # type: ignore[arg-type]
    assert sample.rate == 1.0 and isinstance(sample.rate, float)
    assert sample.levels == (1.0, 2.0, 3.0) and sample.limit == 2.5


def test_all_mistakes_of_a_constructor_are_reported_at_once() -> None:
    with pytest.raises(InvalidParameters) as caught:
        Sample(rate=2, count=0)
    assert [path for path, _ in caught.value.problems] == ["rate", "count"]


@given(
    rate=st.floats(0, 1),
    levels=st.lists(st.floats(0, 1e300), min_size=2, max_size=5),
    label=st.text(),
    limit=st.none() | st.floats(max_value=8),
)
def test_parameters_survive_toml(rate: float, levels: list[float], label: str, limit: float | None) -> None:
    sample = Sample(rate=rate, levels=tuple(levels), limit=limit, sources=(Source(label=label),))
    problems: list[tuple[str, str]] = []
    assert from_mapping(Sample, tomllib.loads(toml.dumps(to_mapping(sample))), "x", problems) == sample
    assert not problems


def test_the_range_is_shown_in_words() -> None:
    assert parameters_of(Sample)["rate"].range == ">= 0, <= 1"
    assert parameters_of(Sample)["mode"].range == ""


def test_an_undeclared_state_field_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Loose.x: declare it with engram.array"):

        @engram.state
        class Loose:
            x: int = 0


def lines(make: Make, *overrides: str, **tables: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        make(*overrides, **tables)
    return caught.value.problems


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["memory.raet=1"], "recipe: memory.raet: unknown parameter; did you mean 'rate'?"),
        (["memory.rate=2.0"], "recipe: memory.rate: must be <= 1, not 2"),
        (["memory.rate=nan"], "recipe: memory.rate: must be a number, not nan"),
        (["memory.rate=high"], "recipe: memory.rate: must be a number, not 'high'"),
        (["run.steps=2.5"], "recipe: run.steps: must be an integer, not 2.5"),
        (["run.step=5"], "recipe: run.step: unknown parameter; did you mean 'steps'?"),
        (['memory.use="avrage"'], "recipe: memory.use: no memory named 'avrage'; did you mean 'average'?"),
        (["memory=3"], 'recipe: memory: must be a table such as {use = "NAME"}, not 3'),
        (["tsk.use=1"], "recipe: tsk: unknown table; did you mean 'task'?"),
        (
            ["record.trials=sometimes"],
            "recipe: record: record.trials must be true, false or \"every N\", not 'sometimes'",
        ),
        (
            ["sweep.memory.raet=[1]"],
            "recipe: sweep.\"memory.raet\": no such parameter; did you mean 'memory.rate'?",
        ),
        (["sweep.memory.rate=[0.1, 7]"], 'recipe: sweep."memory.rate": must be <= 1, not 7'),
        (["sweep.memory.rate=0.1"], 'recipe: sweep."memory.rate": must be a list of values, not 0.1'),
        (
            ["sweep.run.batch=[1]"],
            'recipe: sweep."run.batch": cannot be swept; only run.seed and parameters of components can',
        ),
        (["expect.x=3"], "recipe: expect.x: must be a table, not 3"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line_with_its_place(
    make: Make, overrides: list[str], line: str
) -> None:
    assert lines(make, *overrides) == [line]


def test_all_mistakes_of_a_recipe_are_reported_at_once(make: Make) -> None:
    found = lines(make, "memory.raet=1", "run.steps=0", "task.gain=x")
    assert len(found) == 3


def test_a_recipe_without_an_end_is_refused(make: Make) -> None:
    assert lines(make, run={"batch": 1}) == ["recipe: run: give steps or trials, so that the run ends"]


def test_a_component_table_without_a_name_is_refused(make: Make) -> None:
    assert lines(make, memory={}) == ['recipe: memory: names no memory; add use = "NAME"']


@pytest.mark.parametrize("override", ["memory.rate", "=3", "memory..rate=1"])
def test_an_override_without_path_or_value_is_refused(make: Make, override: str) -> None:
    assert "must be PATH=VALUE" in lines(make, override)[0]


def test_overrides_are_toml_or_else_strings(make: Make) -> None:
    recipe = make("memory.rate=0.25", "title=hello world", "memory.rebind=true")
    assert recipe.to_mapping()["memory"] == {"use": "average", "rate": 0.25, "sigma": 0.1, "rebind": True}
    assert recipe.title == "hello world"


def test_an_override_may_replace_a_whole_table(make: Make) -> None:
    assert make("sweep={}", sweep={"memory.rate": [0.1]}).sweep == {}


def test_a_missing_recipe_file_is_named(plugins: Registry, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="nowhere.toml: no such file"):
        resolve("nowhere.toml", plugins=plugins)
    with pytest.raises(RecipeError, match="nowhere: no recipe named 'nowhere'"):
        resolve("nowhere", plugins=plugins)
    broken = tmp_path / "broken.toml"
    broken.write_text("[run\n")
    with pytest.raises(RecipeError, match="broken.toml: not valid TOML"):
        resolve(broken, plugins=plugins)


def test_a_seed_not_given_is_drawn_and_kept(make: Make) -> None:
    one = make(run={"steps": 1})
    assert one.run.seed is not None
    assert f"seed = {one.run.seed}" in one.to_toml()
    assert make(run={"steps": 1}).run.seed != one.run.seed


def test_a_required_plugin_that_is_missing_stops_the_recipe(make: Make) -> None:
    with pytest.raises(PluginError, match="plugins.require: sleep: not installed"):
        make("plugins.require=['sleep']")
    assert make("plugins.require=['small']").memory is not None


def test_axes_that_cannot_fold_become_launches_of_their_own(make: Make) -> None:
    recipe = make(sweep={"task.stimuli": [2, 4], "memory.rate": [0.1, 0.2]})
    assert recipe.folded() == ["memory.rate"]
    parts = split(recipe)
    assert [part.task.stimuli for part in parts] == [2, 4]  # type: ignore[attr-defined]
    assert all(part.points() == [{"memory.rate": 0.1}, {"memory.rate": 0.2}] for part in parts)


def test_components_can_be_swept_one_launch_each(make: Make) -> None:
    task, memory = {"use": "tide"}, {"use": "stepped-leak"}
    recipe = make(
        task=task, memory=memory, sweep={"memory.use": ["stepped-leak", "fused-leak", "average"]}, record={}
    )
    assert [type(part.memory).name for part in split(recipe)] == ["stepped-leak", "fused-leak", "average"]


def test_a_swept_component_keeps_the_parameters_it_shares(make: Make) -> None:
    swept = {"memory.use": ["average", "stepped-leak"], "memory.rate": [0.3]}
    recipe = make(
        sweep={"memory.use": ["average"], "task.stimuli": [2]}, memory={"use": "average", "rate": 0.7}
    )
    assert [part.memory.rate for part in split(recipe)] == [0.7]  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="memory.rate.: no such parameter"):
        split(make(sweep=swept))


def test_an_unknown_component_in_a_sweep_is_named(make: Make) -> None:
    assert "must be one of 'average'" in lines(make, "sweep.memory.use=['avrage']")[0]


def test_an_endless_step_is_refused(make: Make) -> None:
    assert lines(make, "run.dt=inf") == ["recipe: run.dt: must be < inf, not inf"]


def test_values_of_folded_axes_are_repeated_for_the_batch(make: Make) -> None:
    recipe = make(sweep={"memory.rate": [0.1, 0.2], "task.gain": [1, 2]})
    values = recipe.replicated()
    np.testing.assert_array_equal(values["memory.rate"], np.repeat([0.1, 0.1, 0.2, 0.2], 3))
    np.testing.assert_array_equal(values["task.gain"], np.repeat([1.0, 2.0, 1.0, 2.0], 3))


@engram.state
class HolderState:
    inner: Any = engram.child()
    named: Any = engram.child()


@engram.parameters
class Holder(engram.Memory):
    """Holds other memories."""

    name = "holder"
    inner: engram.Memory = engram.component("memory", default="average")
    named: dict[str, engram.Memory] = engram.component("memory", many=True)

    def init(self, ctx: Context) -> HolderState:
        named = {key: item.init(ctx.child(f"named.{key}")) for key, item in self.named.items()}
        return HolderState(inner=self.inner.init(ctx.child("inner")), named=named)

    def step(self, state: HolderState, signal: engram.Signal) -> engram.Array:
        for key, item in self.named.items():
            item.step(state.named[key], signal)
        return self.inner.step(state.inner, signal)


class HolderPlugin:
    @engram.hookimpl
    def register_memories(self) -> list[type[engram.Memory]]:
        return [Holder]


def nested(make: Make, plugins: Registry, **memory: Any) -> Recipe:
    if "holder" not in plugins.names("memory"):
        plugins.register(HolderPlugin(), "holder")
    inner = {"inner": {"use": "average", "rate": 0.3}, "named": {"left": {"use": "average"}}}
    return make(
        memory={"use": "holder", **inner, **memory}, record={"variables": ["memory.named.left.value"]}
    )


def test_a_component_held_by_another_has_its_own_path_everywhere(make: Make, plugins: Registry) -> None:
    from engram.engine import prepare

    recipe = nested(make, plugins)
    run = prepare(recipe)
    paths = [slot.path for slot in run.slots]
    assert "memory.inner.value" in paths and "memory.named.left.value" in paths
    assert set(run.streams.streams) >= {"memory.inner.noise", "memory.named.left.noise"}
    assert resolve(tomllib.loads(recipe.to_toml()), plugins=plugins).to_toml() == recipe.to_toml()
    chunk = run.advance(8)
    assert chunk.records["memory.named.left.value"].shape == (8, 3, 3)


def test_a_parameter_of_a_held_component_can_be_swept(make: Make, plugins: Registry) -> None:
    plugins.register(HolderPlugin(), "holder")
    memory = {"use": "holder", "inner": {"use": "average"}}
    recipe = make(memory=memory, sweep={"memory.inner.rate": [0.1, 0.9]}, record={"variables": []})
    assert recipe.folded() == ["memory.inner.rate"]


def test_a_mistake_in_a_held_component_has_its_full_path(make: Make, plugins: Registry) -> None:
    with pytest.raises(RecipeError, match=r"memory.inner.raet: unknown parameter; did you mean 'rate'"):
        nested(make, plugins, inner={"use": "average", "raet": 1})


def test_an_observation_spec_is_compared_by_value() -> None:
    assert Spec(shape=(2,)) == Spec(shape=(2,)) != Spec(shape=(3,))


def test_a_recipe_of_tables_may_hold_numbers_and_arrays_of_numpy(make: Make) -> None:
    recipe = make(
        run={"steps": np.int64(7), "batch": np.int32(2), "backend": "numpy"},
        memory={"use": "average", "rate": np.float32(0.5), "rebind": np.True_, "sigma": None},
        sweep={"memory.sigma": np.linspace(0, 1, 3)},
    )
    assert (recipe.run.steps, recipe.run.batch) == (7, 2)
    assert recipe.to_mapping()["memory"] == {"use": "average", "rate": 0.5, "sigma": 0.0, "rebind": True}
    assert recipe.sweep["memory.sigma"] == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"sweep": {"memory.rate": [0.1, None]}}, "recipe: cannot be written as TOML: None is no number"),
        ({"memory": {"use": Path("average")}}, "recipe: cannot be written as TOML: .*Path"),
        ({"memory": {1: 2}}, "recipe: cannot be written as TOML: a key must be a string, not 1"),
        ({"plugins": 5}, "recipe: plugins: must be a table, not 5"),
    ],
)
def test_tables_that_are_no_recipe_are_refused_in_one_line(
    make: Make, tables: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        make(**tables)
    assert len(caught.value.problems) == 1


def test_plugins_that_a_recipe_blocks_are_blocked_for_that_recipe_alone(tables: dict[str, Any]) -> None:
    before = registry()
    with pytest.raises(RecipeError, match="blocked: rl-gain"):
        resolve({**tables, "plugins": {"block": ["rl-gain"]}})
    assert registry() is before


def test_overrides_also_change_a_resolved_recipe(make: Make, tmp_path: Path) -> None:
    recipe = make()
    (path,) = engram.run(recipe, out=tmp_path / "run.h5", overrides=["memory.rate=0.75"])
    with engram.open(path) as run:
        assert run.recipe["memory"]["rate"] == 0.75
        assert run.text("config_user") == recipe.text
