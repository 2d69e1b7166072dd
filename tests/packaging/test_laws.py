"""The laws of the architecture: who may import whom, who may be named where, and how long things may be."""

from __future__ import annotations

import ast
import inspect
import io
import re
import shlex
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engram
import engram_hdf5
from engram import hookspecs, testing
from engram.plugins import Registry

FOLDERS = ("framework", "hdf5_schemas", "cli", "plugins")
HEAVY = ("numpy", "h5py", "numba", "cupy", "matplotlib", "xarray", "pandas")
KERNEL_LINES = 2000
MODULE_LINES = 500
FUNCTION_LINES = 60


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of every absolute import; the name is empty for `import module`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def exported(path: Path) -> set[str]:
    """Return the names that a package's `__init__` offers: `X as X`, functions, classes."""
    names = set()
    for node in parsed(path).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return {name for name in names if not name.startswith("_")}


def reached(path: Path) -> Iterator[str]:
    """Yield every attribute taken from the name `engram`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "engram":
            yield node.attr


def foreign(path: Path, own: str, public: set[str]) -> list[str]:
    """Return what a plugin's module imports of engram beyond its top level."""
    found = []
    for module, name in imported(path):
        top = module.partition(".")[0]
        if not top.startswith("engram") or top == own:
            continue
        if module != "engram" or (name and name not in public):
            found.append(f"{module}.{name}".rstrip("."))
    return found + [f"engram.{name}" for name in reached(path) if name not in public]


def test_plugins_import_only_the_top_level_of_engram(tree: Any) -> None:
    public = exported(tree.root / "framework/engram/__init__.py")

    found = {
        str(path.relative_to(tree.root)): names
        for folder in tree.plugins.values()
        for path in folder.rglob("*.py")
        if (names := foreign(path, folder.name, public))
    }

    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        "from engram.engine import Run",
        "import engram.engine",
        "from engram import engine",
        "import engram_cli",
        "from engram_hdf5 import open",
        "import engram_other",
        "import engram\nengram.engine.Run",
    ],
)
def test_the_import_law_sees_every_way_past_the_top_level(tree: Any, tmp_path: Path, line: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(f"import numpy\nfrom engram import Memory\nfrom .state import Own\n{line}\n")

    found = foreign(module, "engram_own", exported(tree.root / "framework/engram/__init__.py"))

    assert len(found) == 1


def test_the_kernel_never_imports_a_plugin_or_the_command_line(tree: Any) -> None:
    allowed = {"engram", "engram_hdf5"}
    tops = {
        (path.name, module.partition(".")[0])
        for path in tree.modules("framework")
        for module, _ in imported(path)
        if module.startswith("engram")
    }

    assert {(name, top) for name, top in tops if top not in allowed} == set()


def test_the_command_line_never_imports_a_plugin(tree: Any) -> None:
    names = {folder.name for folder in tree.plugins.values()}
    tops = {module.partition(".")[0] for path in tree.modules("cli") for module, _ in imported(path)}

    assert tops & names == set()


def test_the_file_library_never_imports_engram(tree: Any) -> None:
    tops = {module.partition(".")[0] for path in tree.modules("hdf5_schemas") for module, _ in imported(path)}

    assert {top for top in tops if top.startswith("engram")} == {"engram_hdf5"}


def names_of_plugins(tree: Any) -> set[str]:
    """Return packages, entry points and all registered names of the plugins in this checkout."""
    names = {folder.name for folder in tree.plugins.values()} | set(tree.plugins)
    for plugin in Registry().plugins.values():
        if plugin.target in {folder.name for folder in tree.plugins.values()}:
            names |= {name for offered in plugin.offers.values() for name in offered}
    return names


def mentions(text: str, name: str) -> bool:
    """Say whether a text names a plugin: compound names anywhere, plain English words only in quotes."""
    plain = re.fullmatch(r"[a-z]+", name)
    pattern = rf"""(["']){name}\1""" if plain else rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    return re.search(pattern, text) is not None


def test_no_plugin_is_named_in_the_kernel_or_the_command_line(tree: Any) -> None:
    names = names_of_plugins(tree)

    found = {
        (str(path.relative_to(tree.root)), name)
        for path in tree.modules("framework", "cli")
        for name in names
        if mentions(path.read_text(encoding="utf-8"), name)
    }

    assert found == set()


def test_the_naming_law_tells_names_from_words() -> None:
    assert mentions("use = 'bandit'", "bandit")
    assert mentions("load engram_larva first", "engram_larva")
    assert mentions("as rl-gain does", "rl-gain")
    assert not mentions("a bandit is a task", "bandit")
    assert not mentions("curl-gainful", "rl-gain")


def test_folders_are_wheel_packages_and_entry_points(tree: Any) -> None:
    packages = tree.project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert sorted(packages) == sorted(path.relative_to(tree.root).as_posix() for path in tree.packages)
    assert tree.project["project"]["entry-points"]["engram"] == {
        name: folder.name for name, folder in tree.plugins.items()
    }


def test_installed_entry_points_are_those_of_the_project(tree: Any) -> None:
    plugins = Registry().plugins.items()
    found = {name: plugin.target for name, plugin in plugins if plugin.package == "engram"}

    assert found == tree.project["project"]["entry-points"]["engram"], "run pip install -e '.[test]' again"


def test_every_package_says_that_it_is_typed(tree: Any) -> None:
    assert [path.name for path in tree.packages if not (path / "py.typed").is_file()] == []


def test_every_built_in_plugin_loads(tree: Any) -> None:
    plugins = Registry().plugins

    assert {name: plugins[name].error for name in tree.plugins if plugins[name].status != "loaded"} == {}


def test_each_plugin_blocked_leaves_the_rest_working(tree: Any) -> None:
    for name, folder in tree.plugins.items():
        registry = Registry(blocked=[name])
        others = {other: registry.plugins[other].status for other in tree.plugins if other != name}

        assert registry.plugins[name].status == "blocked", folder.name
        assert set(others.values()) <= {"loaded"}, others


def test_the_kernel_starts_with_every_plugin_blocked_and_imports_none(tree: Any, scratch: Any) -> None:
    code = (
        "import sys; from engram.plugins import registry; r = registry();"
        "print(sorted({p.status for p in r.plugins.values()}), r.names('memory'), r.names('recipe'));"
        "print(*sorted(m for m in sys.modules if m.startswith('engram_')))"
    )

    done = scratch.run(f"python -c {shlex.quote(code)}", ENGRAM_BLOCK=",".join(Registry().plugins))

    assert done.returncode == 0, done.stderr
    listed, modules = done.stdout.splitlines()
    assert listed == "['blocked'] [] []"
    assert set(modules.split()) & {folder.name for folder in tree.plugins.values()} == set()


def test_help_imports_nothing_heavy(scratch: Any) -> None:
    code = (
        "import sys\nfrom engram_cli.main import main\nsys.argv = ['engram', '--help']\n"
        "try:\n    code = main()\nexcept SystemExit as stop:\n    code = stop.code\n"
        "print('loaded:', *sorted(name for name in sys.modules if '.' not in name))\nsys.exit(code)"
    )

    done = scratch.run(f"python -c {shlex.quote(code)}")

    assert done.returncode == 0, done.stderr
    shown, _, loaded = done.stdout.rpartition("loaded:")
    assert "run" in shown
    assert set(loaded.split()) & set(HEAVY) == set()


def lines_of_code(path: Path) -> int:
    """Count logical lines: statements as written, however they are wrapped; no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    ends = sum(
        token.type == tokenize.NEWLINE for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return ends - sum(
        isinstance(node, described) and ast.get_docstring(node) is not None
        for node in ast.walk(ast.parse(text))
    )


def test_the_kernel_stays_under_two_thousand_lines_of_code(tree: Any) -> None:
    apart = {tree.root / "framework/engram/rules", tree.root / "framework/engram/testing"}
    counted = [path for path in tree.modules("framework") if not apart & set(path.parents)]

    assert sum(lines_of_code(path) for path in counted) < KERNEL_LINES


def test_no_module_is_over_five_hundred_lines(tree: Any) -> None:
    lengths = {
        str(path.relative_to(tree.root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tree.modules(*FOLDERS)
    }

    assert {name: n for name, n in lengths.items() if n > MODULE_LINES} == {}


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function, its docstring apart."""
    doc = node.body[0] if ast.get_docstring(node) is not None else None
    described = 0 if doc is None else (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return (node.end_lineno or node.lineno) - node.lineno + 1 - described


def test_no_function_is_over_sixty_lines(tree: Any) -> None:
    lengths = {
        f"{path.relative_to(tree.root)}:{node.name}": length(node)
        for path in tree.modules(*FOLDERS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES} == {}


def undocumented(node: ast.Module | ast.ClassDef, place: str, inherited: set[str]) -> Iterator[str]:
    """Yield public classes, functions and methods without a docstring, overloads and `inherited` names apart."""
    for item in node.body:
        if not isinstance(item, ast.ClassDef | ast.FunctionDef) or item.name.startswith("_"):
            continue
        if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in item.decorator_list):
            continue
        if item.name not in inherited and ast.get_docstring(item) is None:
            yield f"{place}.{item.name}"
        if isinstance(item, ast.ClassDef):
            yield from undocumented(item, f"{place}.{item.name}", inherited)


def test_every_public_name_of_the_sources_has_a_docstring(tree: Any) -> None:
    methods = {
        name
        for base in (engram.Memory, engram.Synapse, engram.Task)
        for name, value in vars(base).items()
        if callable(value) or isinstance(value, property)
    } | {"check", "schedule", "finished", "advance", "learn"}
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "engram_spec")}

    found = []
    for path in tree.modules(*FOLDERS):
        module, place = parsed(path), str(path.relative_to(tree.root))
        if ast.get_docstring(module) is None and module.body:
            found.append(place)
        found += undocumented(module, place, methods | hooks if place.startswith("plugins") else {"check"})

    assert found == []


@pytest.mark.parametrize("package", [engram, engram_hdf5, testing], ids=lambda package: package.__name__)
def test_every_exported_name_has_a_docstring(package: Any) -> None:
    names = exported(Path(inspect.getfile(package)))

    assert [name for name in sorted(names) if not inspect.getdoc(getattr(package, name))] == []
