"""The loader: all or nothing for each plugin, failures named, nothing else harmed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import engram
from engram.errors import PluginError
from engram.plugins import Plugin, Registry

GOOD = '''
import engram

@engram.state
class S:
    value: engram.Array = engram.array("cell", doc="a value")

@engram.parameters
class Echo(engram.Memory):
    """Says what it saw."""
    name = "echo"
    def init(self, ctx):
        return ctx.state(S, sizes={"cell": 2})
    def step(self, state, signal):
        return signal.observation

@engram.hookimpl
def register_memories():
    return [Echo]
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a module with an entry point on the path, as an installed distribution would be."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(name: str, source: str, package: str = "") -> None:
        package = package or f"engram-{name}"
        module = f"plug_{package.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{package.replace('-', '_')}-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"[engram]\n{name} = {module}\n")

    yield put
    for module in [name for name in sys.modules if name.startswith("plug_")]:
        del sys.modules[module]


def loaded(**options: object) -> dict[str, Plugin]:
    return {name: p for name, p in Registry(**options).plugins.items() if "plug_" in p.target}  # type: ignore[arg-type]


def test_an_installed_plugin_is_found_and_says_what_it_offers(install) -> None:
    install("echo", GOOD)
    plugin = loaded()["echo"]
    assert (plugin.status, plugin.package, plugin.version) == ("loaded", "engram-echo", "0.1")
    assert plugin.offers == {"memory": ["echo"]} and plugin.hooks == ["register_memories"]


def test_a_blocked_plugin_is_not_imported(install) -> None:
    install("echo", "raise RuntimeError('imported')")
    assert loaded(blocked=["echo"])["echo"].status == "blocked"
    assert "plug_engram_echo" not in sys.modules


BROKEN = {
    "import": ("import nothing_of_this_name", "failed at import: ModuleNotFoundError: No module named"),
    "exit": ("raise SystemExit(3)", "failed at import: SystemExit: 3"),
    "hook": (
        GOOD + "\n@engram.hookimpl\ndef register_memoriez():\n    return []",
        "unknown hook 'register_memoriez'; did you mean 'register_memories'",
    ),
    "argument": (GOOD + "\n@engram.hookimpl\ndef chunk_finished(chunck):\n    pass", "chunck"),
    "raises": (
        GOOD + "\n@engram.hookimpl\ndef register_tasks():\n    raise RuntimeError('no data file')",
        "failed at hooks: RuntimeError: no data file",
    ),
    "step": (GOOD.replace("def step", "def stop"), "Echo is not a memory: it lacks step"),
    "init": (GOOD.replace("def init", "def initialise"), "Echo is not a memory: it lacks init"),
    "kind": (GOOD.replace("[Echo]", "[int]"), "int is not a memory: it does not subclass engram.Memory"),
    "undeclared": (GOOD.replace("@engram.parameters\n", ""), "Echo is not declared with @engram.parameters"),
    "replicated": (
        GOOD.replace(
            "    def init",
            '    rule: str = engram.param(default="a", doc="a rule", per_replica=True)\n    def init',
        ),
        "Echo.rule: per_replica needs a number",
    ),
    "twice": (GOOD.replace("[Echo]", "[Echo, Echo]"), "memory 'echo' is registered twice"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_with_its_reason_and_offers_nothing(install, case: str) -> None:
    source, reason = BROKEN[case]
    install("bad", source)
    install("good", GOOD.replace('"echo"', '"fine"'))
    registry = Registry()
    plugin = registry.plugins["bad"]
    assert plugin.status == "failed"
    assert plugin.error.startswith("plugin 'bad' (engram-bad 0.1)") and reason in plugin.error
    assert "\n" not in plugin.error and "<module" not in plugin.error
    assert "echo" not in registry.names("memory") and "fine" in registry.names("memory")


def test_a_component_name_offered_twice_names_both_packages(install) -> None:
    install("a", GOOD)
    install("b", GOOD)
    registry = Registry()
    assert registry.plugins["a"].status == "loaded"
    assert "memory 'echo' is already offered by plugin 'a' (engram-a 0.1)" in registry.plugins["b"].error
    assert registry.owner("memory", "echo").name == "a"


def test_an_entry_point_name_used_twice_names_both_packages(install) -> None:
    install("echo", GOOD, "engram-echo")
    install("echo", GOOD.replace('"echo"', '"other"'), "engram-other")
    errors = [p.error for p in loaded().values() if p.status == "failed"]
    assert len(errors) == 1 and "the name is already used by package" in errors[0]


def test_strict_loading_stops_at_the_first_failure(install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("bad", "import nothing_of_this_name")
    monkeypatch.setenv("ENGRAM_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="engram-bad"):
        Registry()


def test_an_unknown_name_says_what_is_near_and_which_plugin_failed(install) -> None:
    install("bad", "import nothing_of_this_name")
    install("echo", GOOD)
    with pytest.raises(
        PluginError, match=r"no memory named 'ecco'; did you mean 'echo'\? \(note: plugin 'bad'"
    ):
        Registry().component("memory", "ecco")


def test_registering_a_broken_object_by_hand_raises() -> None:
    class Bad:
        @engram.hookimpl
        def register_tasks(self) -> list[type]:
            return [int]

    with pytest.raises(PluginError, match="int is not a task"):
        Registry(discover=False).register(Bad(), "bad")
