"""Run files of engram: written safely, read simply, checked against schemas that are data.

Knows arrays, names and units; nothing of models. The layout follows the netCDF-4 rules, so that h5py, xarray,
ncdump, R, MATLAB and Julia read the files as they are.
"""

from engram_hdf5 import surroundings as surroundings, toml as toml
from engram_hdf5.background import Background as Background
from engram_hdf5.carry import carry_recording as carry_recording, carry_table as carry_table
from engram_hdf5.checkpoint import (
    checkpoint_of as checkpoint_of,
    drop_checkpoint as drop_checkpoint,
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from engram_hdf5.compare import compare as compare
from engram_hdf5.errors import (
    Finding as Finding,
    FormatError as FormatError,
    OutputError as OutputError,
    OutputExistsError as OutputExistsError,
    StorageError as StorageError,
    UnknownNameError as UnknownNameError,
)
from engram_hdf5.isolation import Limits as Limits, check_sound as check_sound, judge as judge
from engram_hdf5.migration import Migrated as Migrated, Migration as Migration, migrate as migrate
from engram_hdf5.nwb import Credit as Credit, Subject as Subject, export_nwb as export_nwb
from engram_hdf5.place import check_place as check_place, rows_before as rows_before
from engram_hdf5.reader import RunFile as RunFile
from engram_hdf5.recording import Recording as Recording
from engram_hdf5.recovery import Recovered as Recovered, recover as recover, recovered_path as recovered_path
from engram_hdf5.schema import (
    Schema as Schema,
    SchemaError as SchemaError,
    parse_schema as parse_schema,
    run_schema as run_schema,
)
from engram_hdf5.together import RunFiles as RunFiles, open as open
from engram_hdf5.validator import validate as validate
from engram_hdf5.variables import Column as Column, ColumnSpec as ColumnSpec, Variable as Variable
from engram_hdf5.writer import Writer as Writer
