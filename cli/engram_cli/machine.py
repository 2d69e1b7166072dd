"""The machine that figures of speed depend on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from engram.rules import target

_PACKAGES = ("engram", "numpy", "numba", "cupy-cuda12x", "cupy-cuda13x")


def facts(device: str) -> dict[str, Any]:
    """Return the processor, the threads that rules may take, and versions.

    Args:
        device: Name of the GPU that computes; empty where none does.
    """
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": target.threads(),
        "gpu": device,
        "platform": platform.platform(),
        "python": platform.python_version(),
        **versions,
    }


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    named = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return named[1] if named else platform.machine()
