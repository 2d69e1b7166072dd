"""Panels of a picture, one a sweep point, however many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_INSIDE = 4


def panels(figure: Any, names: Sequence[Any], x: str, y: str) -> list[Any]:
    """Lay out one panel for each name on shared scales, in a grid that grows with their number.

    Args:
        figure: An empty matplotlib figure; made larger where more than three panels ask for it.
        names: Titles.
        x: Label of the horizontal axes, on the lowest panel of each column.
        y: Label of the vertical axes, on the leftmost panels.

    Returns:
        The axes, by rows.
    """
    columns = len(names) if len(names) <= 3 else math.ceil(math.sqrt(len(names)))
    rows = -(-len(names) // columns)
    figure.set_size_inches(max(6.4, 2.6 * columns), max(4.8, 2.6 * rows))
    every = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for spare in every[len(names) :]:
        spare.remove()
    for index, (axes, name) in enumerate(zip(every, names, strict=False)):
        axes.set_title(str(name).replace(", ", "\n"), fontsize="medium" if len(names) <= 3 else "small")
        if index % columns == 0:
            axes.set_ylabel(y)
        if index + columns >= len(names):
            axes.set_xlabel(x)
            axes.tick_params(labelbottom=True)
    return every[: len(names)]


def colors(number: int) -> list[Any]:
    """Return as many colours that differ."""
    from matplotlib import colormaps

    if number <= 10:
        return [f"C{index}" for index in range(number)]
    return [colormaps["turbo"](index / (number - 1)) for index in range(number)]


def legend(figure: Any, axes: Any) -> None:
    """Explain the lines of one panel: in its corner where they are few, beside the panels where not."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) <= _INSIDE:
        axes.legend(loc="best", fontsize="small")
    else:
        figure.legend(handles, labels, loc="outside right upper", fontsize="small")
