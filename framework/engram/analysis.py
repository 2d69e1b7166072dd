"""An analysis: what a plugin computes from a run file, and how it draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np

Result = Mapping[str, "np.ndarray[Any, Any]"]


@attrs.frozen
class Analysis:
    """A named computation on an opened run file.

    Attributes:
        name: Registered name, as in `engram plot FILE NAME`.
        doc: One line for listings.
        compute: Takes the opened file (`engram.open`), returns arrays by name.
        picture: Draws the result into a matplotlib Figure; None where there is nothing to draw.
    """

    name: str
    doc: str
    compute: Callable[[Any], Result]
    picture: Callable[[Result, Any], None] | None = None
