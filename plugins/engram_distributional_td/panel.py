"""One panel for each value of a parameter."""

from __future__ import annotations

import numpy as np

from engram import EngramError

from .predictor import Predictors, level_of, levels
from .timing import Host

_MOST = 12
_SIGNS = {
    "alpha_plus": r"$\alpha^+$", "alpha_minus": r"$\alpha^-$", "asymmetry": r"$\tau$",
    "gamma": r"$\gamma$", "lam": r"$\lambda$",
}  # fmt: skip


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
    import numpy as np

    if name is None:
        return np.full(1, np.nan), np.zeros(len(every.index), dtype=int)
    values = getattr(every, name)
    known = levels(values)
    if len(known) > _MOST:
        raise EngramError(f"{key}: {name} has {len(known)} values, for each a panel; take one with at most {_MOST}")
    return known, level_of(values, known)


def title(name: str, value: float) -> str:
    """Return the title of a panel, empty where there is one only."""
    return f"{_SIGNS[name]} = {value:.3g}" if name else ""


def sign(name: str) -> str:
    """Return the symbol of a parameter."""
    return _SIGNS[name]
