"""Every shipped recipe: a result depends on recipe and seed alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engram
from engram.engine import prepare
from engram.plugins import registry

SHORT = ("run.steps=130", "record.every=5", "run.backend=numpy", "sweep={}")


def records(name: str, *overrides: str) -> dict[str, Any]:
    chunks = list(prepare(engram.resolve(name, (*SHORT, *overrides))).chunks())
    return {path: np.concatenate([chunk.records[path] for chunk in chunks]) for path in chunks[0].records}


@pytest.mark.parametrize("name", registry().names("recipe"))
@pytest.mark.parametrize("change", ["run.chunk=7", "run.chunk=1000", "run.batch=70"])
def test_a_recipe_gives_the_same_bits_whatever_chunk_and_batch(name: str, change: str) -> None:
    expected = records(name, "run.batch=3")
    overrides = [change] if "batch" in change else [change, "run.batch=3"]
    found = records(name, *overrides)
    assert expected
    for path, values in expected.items():
        np.testing.assert_array_equal(found[path][:, :3], values, err_msg=path)


@pytest.mark.parametrize("name", registry().names("recipe"))
def test_a_recipe_runs_to_a_valid_file(name: str, tmp_path: Path) -> None:
    import engram_hdf5

    (path,) = engram.run(name, out=tmp_path / "run.h5", overrides=[*SHORT, "run.batch=2"])
    assert engram_hdf5.validate(path, data=True) == []
