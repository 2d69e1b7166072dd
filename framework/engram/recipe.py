"""A recipe: TOML in, checked components and settings out, every mistake named."""

from __future__ import annotations

import itertools
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np

from .analysis import settings_from
from .components import Memory, Task, role_of
from .convert import Problem, component_from, convert, from_mapping, hints_of, nearest, to_mapping
from .declare import Parameter, components_of, param, parameters, parameters_of
from .errors import PluginError, RecipeError
from .plugins import Registry, registry


@parameters
class RunSettings:
    """The table `[run]`."""

    steps: int | None = param(default=None, ge=1, doc="number of steps")
    trials: int | None = param(
        default=None, ge=1, doc="stop each replica after so many trials (with steps: at most)"
    )
    dt: float = param(default=1.0, gt=0, lt=float("inf"), unit="s", doc="length of a step")
    batch: int = param(default=1, ge=1, doc="replicas of each sweep point")
    seed: int | None = param(
        default=None, ge=0, le=2**63 - 1, doc="root of all random numbers; drawn and stored if absent"
    )
    chunk: int | None = param(
        default=None, ge=1, doc="steps between two visits of the host; chosen if absent"
    )
    dtype: Literal["float32", "float64"] = param(default="float32", doc="precision of floating-point state")
    backend: Literal["auto", "numpy", "numba", "cupy"] = param(default="auto", doc="what computes")
    checkpoint: float = param(default=60.0, ge=0, unit="s", doc="time between checkpoints, for resuming")
    durability: Literal["flush", "segments"] = param(
        default="flush",
        doc="how committed rows are kept safe: flushed into one file, or in files of their own",
    )
    writer: Literal["sync", "thread"] = param(
        default="sync", doc="whether steps wait until rows are written, or go on beside a writing thread"
    )

    def check(self) -> None:
        """A run must end."""
        if self.steps is None and self.trials is None:
            raise ValueError("give steps or trials, so that the run ends")


@parameters
class RecordSettings:
    """The table `[record]`."""

    every: int = param(default=1, ge=1, unit="step", doc="record every so many steps")
    variables: tuple[str, ...] | None = param(
        default=None, doc='paths such as "memory.gain"; the declared ones if absent'
    )
    window: tuple[tuple[float, float], ...] | None = param(
        default=None, unit="s", doc="record only in these spans of each trial, both ends included"
    )
    every_trial: int = param(default=1, ge=1, unit="trial", doc="record only in every so many trials")
    entries: dict[str, int | tuple[int, ...]] | None = param(
        default=None, doc='indices kept along an axis such as "memory.stimulus", or how many'
    )
    trials: bool | str = param(default=True, doc='rows of the trials table: true, false, or "every 100"')
    final: bool = param(default=True, doc="store the final state")

    def check(self) -> None:
        """`trials` in words must say "every N"."""
        self.trials_every  # noqa: B018

    @property
    def trials_every(self) -> int:
        """Every how many trials a row is written; 0 for none."""
        if isinstance(self.trials, bool):
            return int(self.trials)
        word, _, number = self.trials.partition(" ")
        if word != "every" or not number.isdigit() or int(number) < 1:
            raise ValueError(f'record.trials must be true, false or "every N", not {self.trials!r}')
        return int(number)


@parameters
class Expectation:
    """One line of `[expect]`: what the literature reports of a result."""

    low: float | None = param(default=None, doc="smallest value that agrees")
    high: float | None = param(default=None, doc="largest value that agrees")
    paper: float | None = param(default=None, doc="the value reported")
    source: str = param(default="", doc="where it is reported")


@attrs.frozen(eq=False)
class Recipe:
    """A recipe with every name resolved and every value checked.

    Attributes:
        place: File name or recipe name, for messages.
        text: The TOML as given.
        title: One line.
        run: Settings of the run.
        task: The task.
        memory: The memory.
        record: What is recorded.
        sweep: Values by parameter path.
        expect: What the literature reports, by result.
        analysis: By name, the analysis it uses and its settings.
        plugins: Where its components come from.
    """

    place: str
    text: str
    title: str
    run: RunSettings
    task: Task
    memory: Memory
    record: RecordSettings
    sweep: dict[str, tuple[Any, ...]] = attrs.field(factory=dict)
    expect: dict[str, Expectation] = attrs.field(factory=dict)
    analysis: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    plugins: Registry = attrs.field(factory=registry)

    def to_mapping(self) -> dict[str, Any]:
        """Return the tables that resolve to this recipe again."""
        tables: dict[str, Any] = {"title": self.title}
        tables |= {name: to_mapping(getattr(self, name)) for name in ("run", "task", "memory", "record")}
        tables["sweep"] = {path: list(values) for path, values in self.sweep.items()}
        tables["expect"] = {name: to_mapping(item) for name, item in self.expect.items()}
        tables["analysis"] = self.analysis
        tables["plugins"] = {"block": sorted(self.plugins.blocked)}
        return {key: value for key, value in tables.items() if value not in ({}, {"block": []})}

    def to_toml(self) -> str:
        """Return the resolved recipe, defaults filled in, as TOML."""
        from engram_hdf5 import toml

        return toml.dumps(self.to_mapping())

    def components(self) -> dict[str, Any]:
        """Return every component by role path: "task", "memory", "memory.hidden_output", ..."""
        found: dict[str, Any] = {}
        for root in ("task", "memory"):
            found[root] = held = getattr(self, root)
            found.update({f"{root}.{path}": item for path, _, item in components_of(held)})
        return found

    def parameter(self, path: str) -> tuple[Parameter, Any] | None:
        """Return declaration and type of a parameter such as "memory.alpha" or "memory.use", or None."""
        where, _, name = path.rpartition(".")
        holder = self.components().get(where)
        if holder is not None and name == "use":
            return Parameter("registered name", choices=tuple(self.plugins.names(role_of(holder)))), str
        if holder is None or name not in parameters_of(type(holder)):
            return None
        return parameters_of(type(holder))[name], hints_of(type(holder))[name]

    def folded(self) -> list[str]:
        """Return the sweep axes that become part of the batch; lists of another length change shapes."""
        return [path for path in self.sweep if self._folds(path)]

    def _folds(self, path: str) -> bool:
        found = self.parameter(path)
        if found is None or not found[0].per_replica:
            return False
        where, _, name = path.rpartition(".")
        values = (getattr(self.components()[where], name), *self.sweep[path])
        return len({len(value) if isinstance(value, tuple) else -1 for value in values}) == 1

    def points(self) -> list[dict[str, Any]]:
        """Return the sweep points folded into this launch, first axis slowest."""
        axes = self.folded()
        return [
            dict(zip(axes, values, strict=True))
            for values in itertools.product(*(self.sweep[a] for a in axes))
        ]

    def replicated(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return (points x batch,) values of each folded parameter by path."""
        points = self.points()
        return {
            path: np.repeat(np.asarray([point[path] for point in points]), self.run.batch, axis=0)
            for path in self.folded()
        }


def resolve(
    source: str | Path | Mapping[str, Any], overrides: Iterable[str] = (), plugins: Registry | None = None
) -> Recipe:
    """Resolve a recipe.

    Args:
        source: A path, the name of a recipe that a plugin ships, or its tables.
        overrides: "memory.alpha=0.1" each; the right side is TOML, or else a string.
        plugins: Where components are looked up; the installed plugins if absent.

    Raises:
        RecipeError: With one line for each mistake.
        PluginError: A plugin that the recipe requires is missing or broken.
    """
    place, text, tables = read(source, plugins)
    for override in overrides:
        change(tables, override)
    plugins = _plugins(tables.pop("plugins", {}), place, plugins)
    problems: list[Problem] = []
    recipe = _build(place, text, tables, problems, plugins)
    if problems or recipe is None:
        raise RecipeError(
            f"{place}: {path}: {message}" if path else f"{place}: {message}" for path, message in problems
        )
    return recipe


def read(
    source: str | Path | Mapping[str, Any], plugins: Registry | None = None
) -> tuple[str, str, dict[str, Any]]:
    """Return place, text and tables of a recipe, unresolved."""
    if isinstance(source, Mapping):
        from engram_hdf5 import toml

        try:
            text = toml.dumps(source)
        except TypeError as error:
            raise RecipeError(f"recipe: cannot be written as TOML: {error}") from None
        return "recipe", text, tomllib.loads(text)
    path = _locate(str(source), plugins)
    try:
        text = path.read_text(encoding="utf-8")
        return path.name, text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path.name}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from None


def _locate(source: str, plugins: Registry | None) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise RecipeError(f"{source}: no such file")
    try:
        return Path((plugins or registry()).find("recipe", source))
    except LookupError as error:
        raise RecipeError(f"{source}: {error.args[0]}; `engram recipes` lists them") from None


def change(tables: dict[str, Any], override: str) -> None:
    """Set in `tables` what an override such as "memory.alpha=0.1" says.

    Raises:
        RecipeError: It has not this form.
    """
    path, equals, right = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"-o {override}: must be PATH=VALUE, such as memory.alpha=0.1")
    try:
        value = tomllib.loads(f"value = {right}")["value"]
    except tomllib.TOMLDecodeError:
        value = right.strip()
    for table in (["sweep"], ["expect"], ["record", "entries"]):
        if keys[: len(table)] == table and keys != table:
            keys = [*table, ".".join(keys[len(table) :])]
    place = tables
    for key in keys[:-1]:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise RecipeError(f"-o {override}: {key} is not a table")
    place[keys[-1]] = value


def _plugins(table: Any, place: str, plugins: Registry | None) -> Registry:
    if not isinstance(table, Mapping):
        raise RecipeError(f"{place}: plugins: must be a table, not {table!r}")
    problems: list[Problem] = []
    blocked = convert(table.get("block", []), tuple[str, ...], "plugins.block", problems)
    required = convert(table.get("require", []), tuple[str, ...], "plugins.require", problems)
    problems += [
        (f"plugins.{key}", f"unknown key{nearest(key, ['block', 'require'])}")
        for key in table
        if key not in ("block", "require")
    ]
    if problems:
        raise RecipeError(f"{place}: {path}: {message}" for path, message in problems)
    if blocked and plugins is None:
        plugins = Registry(blocked={*registry().blocked, *blocked})
    plugins = plugins or registry()
    for name in required:
        plugin = plugins.plugins.get(name)
        if plugin is None or plugin.status != "loaded":
            reason = plugin.error or plugin.status if plugin else "not installed"
            raise PluginError(f"{place}: plugins.require: {name}: {reason}")
    return plugins


def _build(
    place: str, text: str, tables: dict[str, Any], problems: list[Problem], plugins: Registry
) -> Recipe | None:
    known = ("title", "run", "task", "memory", "record", "sweep", "expect", "analysis")
    problems += [
        (key, f"unknown table{nearest(key, (*known, 'plugins'))}") for key in tables if key not in known
    ]
    title = convert(tables.get("title", ""), str, "title", problems)
    run = from_mapping(RunSettings, _tables(tables, "run", problems), "run", problems)
    record = from_mapping(RecordSettings, _tables(tables, "record", problems), "record", problems)
    task, memory = (
        component_from(tables.get(role, {}), role, role, problems, plugins.find)
        for role in ("task", "memory")
    )
    expect = {
        name: convert(item, Expectation, f"expect.{name}", problems)
        for name, item in _tables(tables, "expect", problems).items()
    }
    analysis = {
        name: _settings(plugins, name, item, problems)
        for name, item in _tables(tables, "analysis", problems).items()
    }
    sweep = _tables(tables, "sweep", problems)
    if problems:
        return None
    if run.seed is None:
        run = attrs.evolve(run, seed=secrets.randbits(32))
    recipe = Recipe(place, text, title, run, task, memory, record, {}, expect, analysis, plugins)
    checked = {path: _axis(recipe, path, values, problems) for path, values in sweep.items()}
    swept = attrs.evolve(recipe, sweep=checked)
    if not problems:
        _check_points(swept, problems)
    return swept


def _settings(plugins: Registry, name: str, table: Any, problems: list[Problem]) -> dict[str, Any]:
    found = settings_from(table, name, f"analysis.{name}", problems, plugins.find)
    return {"use": table.get("use", name), **to_mapping(found)} if found is not None else {}


def _check_points(recipe: Recipe, problems: list[Problem]) -> None:
    """Apply the checks between the parameters of a component to every combination of its swept values."""
    for where, held in recipe.components().items():
        axes = [p for p in recipe.sweep if p.rpartition(".")[0] == where and not p.endswith(".use")]
        for values in itertools.product(*(recipe.sweep[path] for path in axes)) if axes else ():
            chosen = {path.rpartition(".")[2]: value for path, value in zip(axes, values, strict=True)}
            try:
                attrs.evolve(held, **chosen)
            except ValueError as error:
                texts = dict(getattr(error, "problems", [("", str(error))])).values()
                said = ", ".join(f"{name} = {value!r}" for name, value in chosen.items())
                problems.append((f"sweep: {where}", f"{'; '.join(texts)} (at {said})"))
                break


def _tables(tables: dict[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = tables.get(name, {})
    if isinstance(value, Mapping):
        return value
    problems.append((name, f"must be a table, not {value!r}"))
    return {}


def _axis(recipe: Recipe, path: str, values: Any, problems: list[Problem]) -> tuple[Any, ...]:
    where = f'sweep."{path}"'
    if not isinstance(values, list) or not values:
        problems.append((where, f"must be a list of values, not {values!r}"))
        return ()
    if path.startswith("run.") and path != "run.seed":
        problems.append((where, "cannot be swept; only run.seed and parameters of components can"))
        return ()
    found = (parameters_of(RunSettings)["seed"], int) if path.startswith("run.") else recipe.parameter(path)
    if found is None:
        known = [
            f"{role}.{name}"
            for role, item in recipe.components().items()
            for name in parameters_of(type(item))
        ]
        problems.append((where, f"no such parameter{nearest(path, known)}"))
        return ()
    info, hint = found
    converted = tuple(convert(value, hint, where, problems) for value in values)
    if not problems:
        problems += [(where, text) for value in converted if (text := info.violation(value))]
    return converted
