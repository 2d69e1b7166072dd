"""Compiled code on disk, under the hash of everything that it depends on, so that it can never be stale."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from ..errors import EngramError

FLAGS = ("-O2", "-std=c11", "-shared", "-fPIC", "-ffp-contract=off", "-fno-fast-math", "-w")
"""How the host compiler is called: no contraction to fused multiply-adds, no liberties with floats."""


@functools.cache
def folder() -> Path:
    """Where compiled code is kept: ENGRAM_CACHE, the user's cache folder, or else a temporary one."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in (os.environ.get("ENGRAM_CACHE"), Path(home) / "engram"):
        if place is not None:
            try:
                Path(place).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=place):
                    return Path(place)
            except OSError:
                continue
    return Path(tempfile.mkdtemp(prefix="engram-cache-"))


def _written(name: str, content: bytes) -> Path:
    """Write a file in one move: many processes may do so at once."""
    target = folder() / name
    if not target.exists():
        handle, work = tempfile.mkstemp(dir=folder())
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(work, target)
    return target


def _digest(*parts: str) -> str:
    return hashlib.blake2s("\0".join(parts).encode(), digest_size=16).hexdigest()


def numba_module(name: str, source: str) -> ModuleType:
    """Import a self-contained module of functions for Numba.

    Numba keeps its machine code beside the module; the name of the module holds all that it depends on.
    """
    try:
        import numba
    except ImportError:
        raise EngramError("Numba is not installed; pip install 'engram[fast]'") from None
    key = f"engram_{name}_{_digest(source, numba.__version__, sys.version)}"
    if key not in sys.modules:
        path = _written(f"{key}.py", source.encode())
        spec = importlib.util.spec_from_file_location(key, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module
        spec.loader.exec_module(module)
    return sys.modules[key]


@functools.cache
def c_compiler() -> str | None:
    """The system's C compiler, None where there is none."""
    return next(
        (
            found
            for name in (os.environ.get("CC"), "cc", "gcc", "clang")
            if name and (found := shutil.which(name))
        ),
        None,
    )


@functools.cache
def _compiler_version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout


def c_library(name: str, source: str) -> ctypes.CDLL:
    """Compile C for the host and load it.

    Raises:
        EngramError: There is no compiler, or it refuses the source.
    """
    compiler = c_compiler()
    if compiler is None:
        raise EngramError("no C compiler was found; install gcc or clang, or set CC")
    key = f"engram_{name}_{_digest(source, _compiler_version(compiler), platform.machine(), *FLAGS)}"
    library = folder() / f"{key}.so"
    if not library.exists():
        text = _written(f"{key}.c", source.encode())
        handle, work = tempfile.mkstemp(dir=folder())
        os.close(handle)
        done = subprocess.run(
            [compiler, *FLAGS, "-o", work, text, "-lm"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            os.unlink(work)
            raise EngramError(f"{compiler} refuses the C of {name!r} ({text}): {done.stderr.strip()[:500]}")
        os.replace(work, library)
    return ctypes.CDLL(str(library))
