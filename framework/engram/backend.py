"""Which array module computes a run: NumPy, or CuPy where a GPU is proved to work."""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from typing import Any, Literal, TypeAlias

import attrs
import numpy as np

from .errors import RecipeError

NO_NUMBA = "Numba is not installed (pip install 'engram[fast]')"
Array: TypeAlias = Any
"""A numpy.ndarray or cupy.ndarray; shapes are given in words where they matter."""


def array_module(array: Array) -> Any:
    """Return the module (numpy, cupy) whose functions apply to `array`."""
    if isinstance(array, np.ndarray):
        return getattr(array, "array_module", np)
    return sys.modules[type(array).__module__.partition(".")[0]]


@attrs.frozen
class Backend:
    """The array module of a run, and why it was chosen.

    Attributes:
        name: "numpy", "numba" (NumPy arrays, rules and bodies compiled by Numba) or "cupy".
        xp: The module itself.
        reason: One sentence for the log and the file.
        device: The processor's name.
    """

    name: str
    xp: Any
    reason: str
    device: str

    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        """Return a copy of `array` as a NumPy array."""
        return np.array(array) if self.xp is np else self.xp.asnumpy(array)


def choose(name: Literal["auto", "numpy", "numba", "cupy"] = "auto") -> Backend:
    """Return the backend that `name` asks for.

    Raises:
        RecipeError: "numba" or "cupy" was asked for and does not work here.
    """
    if name == "numba" and not has_numba():
        raise RecipeError(f"run.backend: numba cannot be used here: {NO_NUMBA}")
    if name in ("numpy", "numba"):
        return Backend(name, np, "asked for", "cpu")
    obstacle = missing_gpu()
    if obstacle is None:
        cupy, obstacle = _prove()
        if cupy is not None:
            device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
            return Backend("cupy", cupy, "a GPU was found and a trial kernel ran", device)
    if name == "cupy":
        raise RecipeError(f"run.backend: cupy cannot be used here: {obstacle}")
    if has_numba():
        return Backend("numba", np, f"Numba is installed; {obstacle}", "cpu")
    return Backend("numpy", np, f"{obstacle}; {NO_NUMBA}", "cpu")


def has_numba() -> bool:
    """Say whether Numba is installed; it is not imported."""
    return importlib.util.find_spec("numba") is not None


def missing_gpu() -> str | None:
    """Say what stands in the way of a GPU, or return None; imports nothing heavy."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed (pip install 'engram[cuda13]' or 'engram[cuda12]')"
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver is installed"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value == 0:
        return "no NVIDIA GPU is visible"
    return None


def _prove() -> tuple[Any, str | None]:
    try:
        import cupy

        kernel = cupy.RawKernel('extern "C" __global__ void one(float* x) { x[0] = 1.0f; }', "one")
        out = cupy.zeros(1, dtype=np.float32)
        kernel((1,), (1,), (out,))
        if float(out[0]) == 1.0:
            return cupy, None
    # CuPy's errors share no class: a compiler that is missing or too old is an Exception of its own.
    except Exception as error:
        return None, f"a trial kernel failed: {(str(error) or repr(error)).splitlines()[0]}"
    return None, "a trial kernel gave a wrong result"
