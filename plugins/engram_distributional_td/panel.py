"""Pictures of a population: lines coloured by a parameter, and one panel for each value of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from engram import EngramError

from .predictor import Predictors, level_of, levels
from .schedule import Host

LABELS = {
    "alpha_plus": r"learning rate $\alpha^+$ (1/step)",
    "alpha_minus": r"learning rate $\alpha^-$ (1/step)",
    "asymmetry": r"asymmetry $\tau$",
    "gamma": r"discount $\gamma$ (1/step)",
    "lam": r"trace $\lambda$",
}
_MAP = "viridis"
_PLAIN = "C0"
_MOST = 12
_SIGNS = {
    "alpha_plus": r"$\alpha^+$", "alpha_minus": r"$\alpha^-$", "asymmetry": r"$\tau$",
    "gamma": r"$\gamma$", "lam": r"$\lambda$",
}  # fmt: skip


class Colouring:
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
        return _PLAIN if self.scale is None else self.scale.to_rgba(np.asarray(value))

    def bar(self, figure: Any, axes: Any) -> None:
        """Draw the bar beside the axes, where there is more than one colour."""
        if self.scale is not None:
            figure.colorbar(self.scale, ax=axes, label=LABELS[self.name])


def panels(every: Predictors, name: str | None, key: str = "panel") -> tuple[Host, Host]:
    """Share predictors out among panels.

    Args:
        every: The predictors drawn.
        name: The parameter; None for one panel.
        key: Name of the setting, for the message.

    Returns:
        (panel,) the values; (predictor,) the index of its panel.

    Raises:
        EngramError: The parameter has too many values for that.
    """
    if name is None:
        return np.full(1, np.nan), np.zeros(len(every.index), dtype=int)
    values = getattr(every, name)
    known = levels(values)
    if len(known) > _MOST:
        raise EngramError(
            f"{key}: {name} has {len(known)} values, for each a panel; take one with at most {_MOST}"
        )
    return known, level_of(values, known)


def title(name: str, value: float) -> str:
    """Return the title of a panel, empty where there is one only."""
    return f"{_SIGNS[name]} = {value:.3g}" if name else ""


def sign(name: str) -> str:
    """Return the symbol of a parameter."""
    return _SIGNS[name]
