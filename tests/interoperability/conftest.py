"""Runs shipped recipes for a short while, and tells what h5py finds in their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import h5py
import numpy as np
import pytest

import engram
from engram.plugins import Registry

# Of those that record alike, one: a sweep, chosen rows and predictors, and double precision. Nor those in which no
# trial ends, since trials are read here.
ALIKE = {
    "conditioned-inhibition", "florian-2007-mstdp", "masset-2025", "overshadowing", "reinforce-reach",
    "florian-2007-temporal", "starkweather-2017-1", "starkweather-2017-2", "stdp-window", "t-maze-random",
}  # fmt: skip
ENDLESS = {"florian-2007-mstdp-et", "izhikevich-2007"}
RECIPES = [name for name in Registry().names("recipe") if name not in ALIKE | ENDLESS]
STEPS = 1300


@attrs.frozen
class Found:
    """A dataset as h5py finds it.

    Attributes:
        dims: Names of its dimensions.
        values: All of it.
        scale: Whether it is a dimension itself.
    """

    dims: tuple[str, ...]
    values: Any
    scale: bool


def found(dataset: h5py.Dataset) -> Found:
    """Return a dataset with the names of the scales on its axes."""
    if dataset.is_scale:
        return Found((dataset.name.rpartition("/")[2],), dataset[()], True)
    dims = tuple(axis[0].name.rpartition("/")[2] for axis in dataset.dims)
    return Found(dims, dataset[()], False)


@pytest.fixture(scope="session", params=RECIPES)
def run_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a short run of a recipe, its trials recorded."""
    out = tmp_path_factory.mktemp("interoperability") / f"{request.param}.h5"
    steps = min(STEPS, engram.resolve(request.param).run.steps or STEPS)
    return engram.run(
        request.param, out=out, overrides=[f"run.steps={steps}", "run.batch=3", "record.trials=true"]
    )[0]


@pytest.fixture(scope="session")
def arrays(run_file: Path) -> dict[str, Found]:
    """Every array of numbers of the file that is not empty, by its path without a slash in front."""
    with h5py.File(run_file) as file:
        datasets: dict[str, h5py.Dataset] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.number) and item.size:
                datasets[name] = item

        file.visititems(visit)
        return {name: found(dataset) for name, dataset in datasets.items()}


@pytest.fixture(scope="session")
def variables(arrays: dict[str, Found]) -> dict[str, Found]:
    """Those of the arrays that are no dimension."""
    return {name: array for name, array in arrays.items() if not array.scale}
