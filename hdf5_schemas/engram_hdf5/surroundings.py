"""What a file says of the process that wrote it."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import socket
import sys
from collections.abc import Iterable


def facts() -> dict[str, str]:
    """Attributes of the provenance: Python version, host, command line."""
    return {
        "python_version": platform.python_version(),
        "hostname": socket.gethostname(),
        "argv": json.dumps(sys.argv),
    }


def texts(packages: Iterable[str]) -> dict[str, str]:
    """Texts of the provenance: versions of those of the packages that are installed, and the platform."""
    installed = {}
    for package in packages:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    environment = {"python": sys.version, "platform": platform.platform(), "machine": platform.machine()}
    return {"packages": json.dumps(installed), "environment": json.dumps(environment)}
