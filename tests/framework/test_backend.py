"""Choice of the array module, and what a run's file says of it."""

from __future__ import annotations

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from engram import RecipeError, backend


def test_numpy_asked_for_is_numpy() -> None:
    chosen = backend.choose("numpy")
    assert chosen.xp is np and chosen.reason == "asked for"


def test_without_cupy_auto_says_why_it_took_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    chosen = backend.choose("auto")
    assert chosen.name == "numpy" and "CuPy is not installed" in chosen.reason


def test_cupy_asked_for_but_missing_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        RecipeError, match=r"run.backend: cupy cannot be used here: .*pip install 'engram\[cuda13\]'"
    ):
        backend.choose("cupy")


def test_without_a_gpu_auto_takes_numba_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "missing_gpu", lambda: "no NVIDIA driver is installed")
    for installed, name in ((True, "numba"), (False, "numpy")):
        monkeypatch.setattr(backend, "has_numba", lambda installed=installed: installed)
        chosen = backend.choose("auto")
        assert chosen.name == name and chosen.xp is np
        assert "no NVIDIA driver is installed" in chosen.reason
        assert ("pip install 'engram[fast]'" in chosen.reason) is not installed


def test_numba_asked_for_but_missing_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "has_numba", lambda: False)
    with pytest.raises(
        RecipeError, match=r"run.backend: numba cannot be used here: .*pip install 'engram\[fast\]'"
    ):
        backend.choose("numba")


def test_without_a_driver_the_obstacle_is_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace())
    monkeypatch.setattr(backend.ctypes, "CDLL", no_library)
    assert backend.missing_gpu() == "no NVIDIA driver is installed"


@pytest.mark.parametrize(("initialised", "count"), [(100, 1), (0, 0)])
def test_without_a_visible_device_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, initialised: int, count: int
) -> None:
    def devices(pointer) -> int:
        pointer._obj.value = count
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: initialised, cuDeviceGetCount=devices)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace())
    monkeypatch.setattr(backend.ctypes, "CDLL", lambda name: driver)
    assert backend.missing_gpu() == "no NVIDIA GPU is visible"


def test_a_gpu_that_fails_its_trial_kernel_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_kernel(*args: object) -> None:
        raise RuntimeError("no compiler\nand more")

    monkeypatch.setattr(backend, "missing_gpu", lambda: None)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(RawKernel=broken_kernel))
    assert "a trial kernel failed: no compiler" in backend.choose("auto").reason


@pytest.mark.parametrize(("error", "said"), [(Exception("no header"), "no header"), (KeyError(), "KeyError")])
def test_a_trial_kernel_may_fail_in_any_way(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def broken_kernel(*args: object) -> None:
        raise error

    monkeypatch.setattr(backend, "missing_gpu", lambda: None)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(RawKernel=broken_kernel))
    assert said in backend.choose("auto").reason


def test_the_array_module_of_numpy_arrays_is_numpy() -> None:
    assert backend.array_module(np.zeros(1)) is np
