"""Distributional TD(lambda) for engram."""

from engram import Memory, hookimpl

from .distributional_td import DistributionalTD as DistributionalTD
from .spread import Spread as Spread, beta_quantile as beta_quantile
from .target import imputed as imputed


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `distributional-td`."""
    return [DistributionalTD]
