"""Finds, loads and lists plugins; keeps one plugin's failure from hiding the others."""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import attrs
import pluggy

from . import hookspecs
from .analysis import Analysis
from .components import Component, Memory, Synapse, Task
from .convert import hints_of, nearest
from .declare import parameters_of
from .errors import PluginError

GROUP = "engram"
_KINDS: dict[str, tuple[str, type[Component]]] = {
    "memory": ("register_memories", Memory),
    "synapse": ("register_synapses", Synapse),
    "task": ("register_tasks", Task),
}
ROLES = tuple(_KINDS)
_REPLICATED = (int, float, bool, tuple[int, ...], tuple[float, ...])


@attrs.define
class Plugin:
    """What is known of one plugin, loaded or not.

    Attributes:
        name: Entry-point name.
        package: Distribution that offers it; `version` is the distribution's.
        target: The module.
        status: "loaded", "blocked" or "failed".
        error: Why it failed, one line.
        import_ms: Time its import took.
        hooks: Hooks it implements.
        offers: Names of what it registers, by kind.
    """

    name: str
    package: str
    version: str
    target: str
    status: str = "loaded"
    error: str = ""
    import_ms: float = 0.0
    hooks: list[str] = attrs.field(factory=list)
    offers: dict[str, list[str]] = attrs.field(factory=dict)

    @property
    def label(self) -> str:
        """Name, package and version, for messages."""
        return f"plugin {self.name!r} ({self.package} {self.version})"


@attrs.define
class _Staged:
    components: dict[str, dict[str, type]] = attrs.field(factory=lambda: {role: {} for role in ROLES})
    recipes: dict[str, Path] = attrs.field(factory=dict)
    analyses: dict[str, Analysis] = attrs.field(factory=dict)

    def tables(self) -> dict[str, dict[str, Any]]:
        return {**self.components, "recipe": self.recipes, "analysis": self.analyses}


class Registry:
    """The loaded plugins and what they offer.

    Args:
        blocked: Entry-point names that are not even imported.
        discover: False to start empty (tests).
    """

    def __init__(self, blocked: Iterable[str] = (), discover: bool = True) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: dict[str, Plugin] = {}
        self.blocked = {name for name in blocked if name}
        self._offers = _Staged()
        self._owner: dict[tuple[str, str], Plugin] = {}
        if discover:
            for entry in sorted(entry_points(group=GROUP), key=lambda item: item.name):
                self._load(entry)

    def _load(self, entry: EntryPoint) -> None:
        package, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "?")
        plugin = Plugin(entry.name, package, version, entry.value)
        if entry.name in self.plugins:
            other = self.plugins[entry.name].package
            plugin.status = "failed"
            plugin.error = f"{plugin.label}: the name is already used by package {other!r}"
            self.plugins[f"{entry.name} ({package})"] = plugin
            return
        self.plugins[entry.name] = plugin
        if entry.name in self.blocked:
            plugin.status = "blocked"
            return
        self._register(entry.load, plugin)

    def register(self, module: Any, name: str) -> None:
        """Register a module or object as a plugin (tests, notebooks); all or nothing.

        Raises:
            PluginError: It breaks a specification.
        """
        plugin = self.plugins[name] = Plugin(name, "-", "-", getattr(module, "__name__", repr(module)))
        self._register(lambda: module, plugin)
        if plugin.status == "failed":
            raise PluginError(plugin.error)

    def _register(self, load: Callable[[], Any], plugin: Plugin) -> None:
        stage, module, begun = "import", None, time.perf_counter()
        try:
            module = load()
            plugin.import_ms = 1000 * (time.perf_counter() - begun)
            stage = "hooks"
            self.manager.register(module, plugin.name)
            self.manager.check_pending()
            staged = self._collect(module)
            self._commit(staged, plugin)
        except (Exception, SystemExit) as error:
            if self.manager.is_registered(module):
                self.manager.unregister(module)
            self._failed(plugin, stage, error)
            return
        plugin.hooks = sorted(caller.name for caller in self.manager.get_hookcallers(module) or [])

    def _failed(self, plugin: Plugin, stage: str, error: BaseException) -> None:
        text = _last_line(error, plugin)
        plugin.status = "failed"
        plugin.error = f"{plugin.label} failed at {stage}: {type(error).__name__}: {text}"
        if os.environ.get("ENGRAM_STRICT_PLUGINS"):
            raise PluginError(plugin.error) from error

    def _collect(self, module: Any) -> _Staged:
        staged = _Staged()
        for role, (hook, protocol) in _KINDS.items():
            for cls in self._results(hook, module):
                _check_component(cls, role, protocol)
                _add(staged.components[role], cls.name, cls, role)
        for path in self._results("register_recipes", module):
            _add(staged.recipes, Path(path).stem, Path(path), "recipe")
        for analysis in self._results("register_analyses", module):
            if not isinstance(analysis, Analysis):
                raise TypeError(f"register_analyses returned {analysis!r}, not an engram.Analysis")
            _add(staged.analyses, analysis.name, analysis, "analysis")
        return staged

    def _results(self, hook: str, module: Any) -> Iterable[Any]:
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            if impl.plugin is module:
                yield from impl.function()

    def _commit(self, staged: _Staged, plugin: Plugin) -> None:
        for kind, table in staged.tables().items():
            for name in table:
                if (kind, name) in self._owner:
                    other = self._owner[kind, name]
                    raise ValueError(f"{kind} {name!r} is already offered by {other.label}")
        for kind, table in staged.tables().items():
            self._offers.tables()[kind].update(table)
            self._owner.update({(kind, name): plugin for name in table})
            if table:
                plugin.offers[kind] = sorted(table)

    def names(self, kind: str) -> list[str]:
        """Return the known names of a kind: memory, synapse, task, recipe or analysis."""
        return sorted(self._offers.tables()[kind])

    def owner(self, kind: str, name: str) -> Plugin:
        """Return the plugin that offers this name."""
        return self._owner[kind, name]

    def find(self, kind: str, name: str) -> Any:
        """Return what is registered under a name.

        Raises:
            LookupError: With known names, the nearest, and failed plugins that might explain it.
        """
        table = self._offers.tables()[kind]
        if name in table:
            return table[name]
        failed = [p.error for p in self.plugins.values() if p.status == "failed"]
        blocked = [p.name for p in self.plugins.values() if p.status == "blocked"]
        notes = "".join(f" (note: {text})" for text in failed)
        notes += f" (blocked: {', '.join(blocked)})" if blocked else ""
        raise LookupError(f"no {kind} named {name!r}{nearest(name, table) or '; none is known'}{notes}")

    def component(self, role: str, name: str) -> Any:
        """Return a component class.

        Raises:
            PluginError: There is none of this name.
        """
        try:
            return self.find(role, name)
        except LookupError as error:
            raise PluginError(str(error.args[0])) from None

    def call_each(self, hook: str, **arguments: Any) -> None:
        """Call a lifecycle hook of every plugin, all of them, then raise failures with their plugin named.

        pluggy itself would stop at the first failure and not say whose it is.
        """
        errors: list[str] = []
        cause: Exception | None = None
        for impl in reversed(getattr(self.manager.hook, hook).get_hookimpls()):
            try:
                impl.function(*(arguments[name] for name in impl.argnames))
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                errors.append(f"plugin {impl.plugin_name!r} failed in {hook}: {reason}")
                cause = cause or error
        if errors:
            raise PluginError("\n".join(errors)) from cause


def _last_line(error: BaseException, plugin: Plugin) -> str:
    """Return one line of a message, plugin and nearest hook named instead of a module's repr."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [repr(error)]
    unknown = re.match(r"unknown hook '(\w+)'", lines[0])
    if unknown:
        known = [name for name, value in vars(hookspecs).items() if hasattr(value, "engram_spec")]
        near = difflib.get_close_matches(unknown[1], known, n=1)
        return f"unknown hook {unknown[1]!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return re.sub(r"<module '[^']*' from '[^']*'>", repr(plugin.name), lines[-1])


def _add(table: dict[str, Any], name: str, item: Any, kind: str) -> None:
    if name in table:
        raise ValueError(f"{kind} {name!r} is registered twice by the same plugin")
    table[name] = item


def _check_component(cls: Any, role: str, protocol: type[Component]) -> None:
    label = getattr(cls, "__name__", repr(cls))
    if not isinstance(cls, type) or not issubclass(cls, protocol):
        raise TypeError(f"{label} is not a {role}: it does not subclass engram.{protocol.__name__}")
    if not isinstance(getattr(cls, "name", None), str):
        raise TypeError(f"{label} is not a {role}: it lacks a name")
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise TypeError(f"{label} is not a {role}: it lacks {', '.join(missing)}")
    if issubclass(cls, Memory) and cls.step is Memory.step and cls.body is None:
        raise TypeError(f"{label} is not a memory: it lacks step (or a body)")
    if issubclass(cls, Task) and cls.step is Task.step and cls.body is None and not hasattr(cls, "schedule"):
        raise TypeError(f"{label} is not a task: it lacks reset and step (or a body, or schedule)")
    if not attrs.has(cls):
        raise TypeError(f"{label} is not declared with @engram.parameters")
    undocumented = [field.name for field in attrs.fields(cls) if not field.metadata]
    if undocumented:
        raise TypeError(f"{label}.{undocumented[0]} is not declared with engram.param or engram.component")
    for name, info in parameters_of(cls).items():
        if info.per_replica and hints_of(cls)[name] not in _REPLICATED:
            raise TypeError(f"{label}.{name}: per_replica needs a number, a bool or a tuple of numbers")


_registry: list[Registry] = []


def registry() -> Registry:
    """Return the process's registry of installed plugins, loaded on first use."""
    if not _registry:
        _registry.append(Registry(blocked=os.environ.get("ENGRAM_BLOCK", "").split(",")))
    return _registry[0]


def use(chosen: Registry) -> None:
    """Make `chosen` the process's registry (the command line's `-p no:NAME`, tests)."""
    _registry[:] = [chosen]
