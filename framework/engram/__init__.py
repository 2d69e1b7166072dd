"""engram: plastic agents against tasks, thousands of replicas at once, on GPU or CPU arrays."""

from typing import Any as _Any

from .analysis import Analysis as Analysis
from .backend import Array as Array, array_module as array_module
from .components import (
    Choice as Choice,
    Context as Context,
    Memory as Memory,
    Scan as Scan,
    Signal as Signal,
    Spec as Spec,
    Synapse as Synapse,
    Task as Task,
    Transitions as Transitions,
    scan as scan,
)
from .declare import (
    array as array,
    child as child,
    component as component,
    events as events,
    fixed as fixed,
    param as param,
    parameters as parameters,
    state as state,
)
from .errors import (
    EngramError as EngramError,
    InvalidParameters as InvalidParameters,
    PluginError as PluginError,
    RecipeError as RecipeError,
)
from .event import Events as Events
from .hookspecs import hookimpl as hookimpl
from .launch import resume as resume, run as run
from .random import Stream as Stream
from .recipe import Recipe as Recipe, resolve as resolve
from .rules import exact as exact
from .rules.expression import RuleError as RuleError
from .rules.rule import rule as rule


def open(path: _Any) -> _Any:
    """Open a run file, or a list of files together, for reading; see `engram_hdf5.open`."""
    import engram_hdf5

    return engram_hdf5.open(path)
