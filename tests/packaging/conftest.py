"""Where the sources are, and what pyproject.toml says of them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Tree:
    """The checkout.

    Attributes:
        root: Its folder.
        project: pyproject.toml as tables.
    """

    root: Path
    project: dict[str, Any]

    @property
    def plugins(self) -> dict[str, Path]:
        """Folder of each plugin by entry-point name."""
        folders = sorted(path for path in (self.root / "plugins").glob("engram_*") if path.is_dir())
        return {path.name.removeprefix("engram_").replace("_", "-"): path for path in folders}

    @property
    def packages(self) -> list[Path]:
        """Folder of every import package."""
        own = ("framework/engram", "hdf5_schemas/engram_hdf5", "cli/engram_cli")
        return [*(self.root / part for part in own), *self.plugins.values()]

    def modules(self, *folders: str) -> list[Path]:
        """Return the Python files under folders of the checkout; there are some."""
        found = sorted(file for folder in folders for file in (self.root / folder).rglob("*.py"))
        assert found, f"no modules under {folders}"
        return found


@pytest.fixture(scope="session")
def tree() -> Tree:
    """The checkout under test."""
    return Tree(ROOT, tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
