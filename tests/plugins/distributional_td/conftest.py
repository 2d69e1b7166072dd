"""Small runs for the analyses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engram

RECORDED = ["memory.value", "memory.delta", "task.reward"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Run tables, with what analyses need recorded, and open the file."""
    files = []

    def open_run(tables: dict[str, Any]) -> Any:
        out = tmp_path_factory.mktemp("run") / "run.h5"
        run = {"dtype": "float64", "seed": 1, "backend": "numpy", **tables["run"]}
        record = {"variables": RECORDED, **tables.get("record", {})}
        engram.run({**tables, "run": run, "record": record}, out=Path(out))
        files.append(engram.open(out))
        return files[-1]

    yield open_run
    for file in files:
        file.close()


@pytest.fixture
def analysed() -> Callable[..., dict[str, Any]]:
    """Compute an analysis of the plugin by name, with settings."""
    from engram_distributional_td import register_analyses

    known = {analysis.name: analysis for analysis in register_analyses()}

    def compute(run: Any, name: str, **settings: Any) -> dict[str, Any]:
        analysis = known[name]
        assert analysis.settings is not None
        result = dict(analysis.compute(run, analysis.settings(**settings)))
        draw(analysis, result)
        return result

    return compute


def draw(analysis: Any, result: dict[str, Any]) -> None:
    """Draw what was computed: every analysis has a picture, of every result."""
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    analysis.picture(result, figure)
    figure.canvas.draw()
