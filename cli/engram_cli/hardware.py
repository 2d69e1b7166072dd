"""What `engram doctor` finds of GPUs, CuPy and compilers."""

from __future__ import annotations

import importlib.metadata
import re

from engram_cli.report import Report


def cupy_wheels(report: Report) -> None:
    """Find several CuPy packages at once: they overwrite each other's files."""
    pattern = re.compile(r"cupy(-cuda\w+|-rocm[\w-]+)?")
    found = {
        name: item.version
        for item in importlib.metadata.distributions()
        if (name := item.metadata["Name"]) and pattern.fullmatch(name.lower())
    }
    report.facts["cupy"] = ", ".join(f"{name} {found[name]}" for name in sorted(found)) or "missing"
    if len(found) > 1:
        names = " ".join(sorted(found))
        report.problems.append(f"several CuPy packages: pip uninstall {names}, then install one of them")


def gpu(report: Report) -> None:
    """Say whether a GPU can be used, proved by a trial kernel, or what stands in the way."""
    from engram.backend import choose, missing_gpu

    obstacle = missing_gpu()
    backend = choose("auto")
    report.facts["backend"] = f"{backend.name}: {backend.reason}"
    report.facts["device"] = backend.device
    if obstacle is not None:
        report.hints.append(f"a GPU: {obstacle}")
    elif backend.name != "cupy":
        report.problems.append(f"the GPU does not work: {backend.reason}")


def compilers(report: Report) -> None:
    """Note what compiles rules, and where the results are kept."""
    from engram.rules import cache

    report.facts["C compiler"] = cache.c_compiler() or "missing (only tests need one)"
    report.facts["compiled rules"] = str(cache.folder())
