"""Distributional TD(lambda) for engram."""

from collections.abc import Iterable
from pathlib import Path

from engram import Analysis, Memory, hookimpl

from .decoded_distribution import decoded_distribution
from .distributional_td import DistributionalTD as DistributionalTD
from .reversal_point import reversal_points
from .reward_time import magnitude_time, reward_time
from .spread import Spread as Spread, beta_quantile as beta_quantile
from .target import imputed as imputed
from .td_error import cue_response, td_error
from .trial_response import responses
from .value import value_at_time, value_over_time


@hookimpl
def register_memories() -> list[type[Memory]]:
    """Offer `distributional-td`."""
    return [DistributionalTD]


@hookimpl
def register_recipes() -> list[Path]:
    """Experiments of the literature, with what they found."""
    return sorted((Path(__file__).parent / "recipes").glob("*.toml"))


@hookimpl
def register_analyses() -> Iterable[Analysis]:
    """What to compute and draw of a run."""
    return [
        responses, value_at_time, value_over_time, td_error, cue_response,
        reversal_points, decoded_distribution, reward_time, magnitude_time,
    ]  # fmt: skip
