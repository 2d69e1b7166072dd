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
    assert backend.choose("auto").reason == "a trial kernel failed: no compiler"


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
