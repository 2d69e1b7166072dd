"""Distributional TD(lambda) for engram."""

from collections.abc import Iterable

from engram import Analysis, Memory, hookimpl

from .distributional_td import DistributionalTD as DistributionalTD
from .spread import Spread as Spread, beta_quantile as beta_quantile
from .target import imputed as imputed
from .trial_response import responses


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `distributional-td`."""
    return [DistributionalTD]


@hookimpl
def register_analyses() -> Iterable[Analysis]:
    """What to compute and draw of a run."""
    return [responses]
