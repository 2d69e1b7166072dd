"""`python -m engram_hdf5.judging`: what `judge` runs in its child."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from engram_hdf5.confinement import Alive, answer
from engram_hdf5.errors import Finding
from engram_hdf5.validator import findings

MOST_FINDINGS = 1000


def verdict(request: dict[str, Any], alive: Alive) -> Iterator[dict[str, Any]]:
    """Check the file that was asked for.

    Args:
        request: `path`, and `data`: whether to read all of it.
        alive: To be called after each block.

    Yields:
        The findings, each as it is found.
    """
    found = findings(request["path"], data=request["data"], alive=alive)
    for count, finding in enumerate(found):
        if count == MOST_FINDINGS:
            finding = Finding("E_LIMIT", "/", f"more than {MOST_FINDINGS} findings; the others are left out")
        yield {"finding": attrs.astuple(finding)}
        if count == MOST_FINDINGS:
            return


if __name__ == "__main__":
    answer(verdict)
