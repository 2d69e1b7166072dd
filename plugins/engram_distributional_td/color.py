"""Lines coloured by a parameter, and the colour bar that says which colour is which value."""

from __future__ import annotations

from typing import Any

from .predictor import LABELS
from .timing import Host

_MAP = "viridis"
PLAIN = "C0"


class Coloring:
    """Colours of values, and the same scale as a bar.

    Args:
        name: Of the parameter; empty for one colour.
        values: (value,) all that are drawn.
    """

    def __init__(self, name: str, values: Host) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        self.name = name
        self.scale = ScalarMappable(Normalize(values.min(), values.max()), _MAP) if name else None

    def of(self, value: float) -> Any:
        """Return the colour of a value."""
        return PLAIN if self.scale is None else self.scale.to_rgba(value)

    def bar(self, figure: Any, axes: Any) -> None:
        """Draw the bar beside the axes, where there is more than one colour."""
        if self.scale is not None:
            figure.colorbar(self.scale, ax=axes, label=LABELS[self.name])
