"""engram: plastic agents against tasks, thousands of replicas at once, on GPU or CPU arrays."""

from typing import Any as _Any

from .analysis import Analysis as Analysis
from .backend import Array as Array
from .backend import array_module as array_module
from .components import Choice as Choice
from .components import Context as Context
from .components import Memory as Memory
from .components import Scan as Scan
from .components import Signal as Signal
from .components import Spec as Spec
from .components import Synapse as Synapse
from .components import Task as Task
from .components import Transitions as Transitions
from .components import scan as scan
from .declare import array as array
from .declare import child as child
from .declare import component as component
from .declare import fixed as fixed
from .declare import param as param
from .declare import parameters as parameters
from .declare import state as state
from .errors import EngramError as EngramError
from .errors import InvalidParameters as InvalidParameters
from .errors import PluginError as PluginError
from .errors import RecipeError as RecipeError
from .hookspecs import hookimpl as hookimpl
from .launch import resume as resume
from .launch import run as run
from .random import Stream as Stream
from .recipe import Recipe as Recipe
from .recipe import resolve as resolve
from .rules import exact as exact


def open(path: _Any) -> _Any:
    """Open a run file, or a list of files together, for reading; see `engram_hdf5.open`."""
    import engram_hdf5

    return engram_hdf5.open(path)
