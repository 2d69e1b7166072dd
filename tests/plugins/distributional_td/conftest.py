"""Small runs for the analyses, and files as torch.save writes them: the same pickle, in a zip archive."""

from __future__ import annotations

import collections
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import engram

RECORDED = ["memory.value", "memory.delta", "task.reward"]
GOLDEN = Path(__file__).parents[2] / "golden" / "drl"
_KINDS = {
    "f8": "Double",
    "f4": "Float",
    "f2": "Half",
    "i8": "Long",
    "i4": "Int",
    "i2": "Short",
    "i1": "Char",
    "u1": "Byte",
    "b1": "Bool",
}


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


@attrs.frozen(eq=False)
class Tensor:
    """A window on a storage; the whole of it unless told otherwise."""

    storage: np.ndarray[Any, Any]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int = 0

    @classmethod
    def of(cls, values: Any, dtype: Any = None) -> Tensor:
        array = np.asarray(values, dtype)
        strides = tuple(
            step // array.itemsize for step in np.ascontiguousarray(array).reshape(array.shape).strides
        )
        return cls(array.ravel(), array.shape, strides)


@contextmanager
def torch_by_name() -> Iterator[types.ModuleType]:
    """Modules that a pickler can name, which hold nothing else of torch."""
    torch, parts = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_: Any) -> None:
        raise AssertionError("only its name is used")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    parts._rebuild_tensor_v2, torch._utils = _rebuild_tensor_v2, parts
    for kind in _KINDS.values():
        setattr(torch, f"{kind}Storage", type(f"{kind}Storage", (), {"__module__": "torch"}))
    names = {"torch": torch, "torch._utils": parts}
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        yield torch
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


class Reference:
    """A storage in a pickle; what it is stands in its persistent id."""

    def __init__(self, identity: tuple[Any, ...]) -> None:
        self.identity = identity


class TorchPickler(pickle.Pickler):
    """Writes tensors as torch does, protocol 2; keeps their storages."""

    def __init__(self, file: io.BytesIO, torch: Any) -> None:
        super().__init__(file, protocol=2)
        self.torch, self.storages = torch, []

    def persistent_id(self, item: Any) -> Any:
        return item.identity if isinstance(item, Reference) else None

    def reducer_override(self, item: Any) -> Any:
        if not isinstance(item, Tensor):
            return NotImplemented
        known = [number for number, storage in enumerate(self.storages) if storage is item.storage]
        key = known[0] if known else len(self.storages)
        if not known:
            self.storages.append(item.storage)
        kind = getattr(self.torch, f"{_KINDS[item.storage.dtype.str[1:]]}Storage")
        reference = Reference(("storage", kind, str(key), "cpu", item.storage.size))
        hooks: Any = collections.OrderedDict()
        return self.torch._utils._rebuild_tensor_v2, (
            reference,
            item.offset,
            item.size,
            item.stride,
            False,
            hooks,
        )


def write_records(path: Path, records: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in records.items():
            archive.writestr(f"{path.stem}/{name}", data)
    return path


def save(path: Path, content: Any, order: str = "little") -> Path:
    """Write `content` as torch.save does."""
    with torch_by_name() as torch, io.BytesIO() as file:
        pickler = TorchPickler(file, torch)
        pickler.dump(content)
        program = file.getvalue()
    swapped = {"little": "<", "big": ">"}[order]
    data = {
        f"data/{number}": storage.astype(storage.dtype.newbyteorder(swapped)).tobytes()
        for number, storage in enumerate(pickler.storages)
    }
    fixed = {".format_version": b"1", ".storage_alignment": b"64", "byteorder": order.encode()}
    return write_records(path, {"data.pkl": program, **fixed, **data, "version": b"3\n"})


def experiment_of(name: str) -> dict[str, Any]:
    """What drl_sim returned in one of the recorded cases, as it would save it."""
    case = np.load(GOLDEN / f"{name}.npz")
    dt, steps = float(case["dt"]), case["r"].shape[2]

    def spread(key: str) -> Any:
        values = case[key]
        return float(values) if values.ndim == 0 else Tensor.of(values.reshape(len(values), -1), "f4")

    return {
        "V": Tensor.of(case["V"]),
        "deltas": Tensor.of(case["deltas"]),
        "T": Tensor.of(np.arange(steps) * dt, "f4"),
        "r": Tensor.of(case["r"]),
        "dt": dt,
        "states": [np.int64(state) for state in case["states"]],
        "alpha": spread("alpha"),
        "gamma": spread("gamma"),
        "lmbda": spread("lmbda"),
    }


@pytest.fixture
def tensor() -> Callable[..., Tensor]:
    """`tensor(values, dtype)`, or `tensor.window(storage, size, stride, offset)`."""
    make: Any = lambda values, dtype=None: Tensor.of(values, dtype)  # noqa: E731
    make.window = Tensor
    return make


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """`saved(content)`: the path of a file that torch.save might have written."""
    return lambda content, name="experiment", **options: save(tmp_path / f"{name}.pth", content, **options)


@pytest.fixture
def pickled(tmp_path: Path) -> Callable[..., Path]:
    """`pickled(program)`: a file whose pickle is this program; records and compression as given."""

    def write(program: bytes, compression: int = zipfile.ZIP_STORED, **records: bytes) -> Path:
        more = {name.replace("_", "/"): data for name, data in records.items()}
        return write_records(tmp_path / "experiment.pth", {"data.pkl": program, **more}, compression)

    return write


@pytest.fixture
def experiment() -> Callable[[str], dict[str, Any]]:
    """`experiment("var_dt0.1")`."""
    return experiment_of
