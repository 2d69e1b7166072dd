"""Run files of engram: written safely, read simply, checked against schemas that are data.

Knows arrays, names and units; nothing of models. The layout follows the netCDF-4 rules, so that h5py, xarray,
ncdump, R, MATLAB and Julia read the files as they are.
"""

from engram_hdf5 import surroundings as surroundings
from engram_hdf5 import toml as toml
from engram_hdf5.background import Background as Background
from engram_hdf5.carry import carry_recording as carry_recording
from engram_hdf5.carry import carry_table as carry_table
from engram_hdf5.checkpoint import checkpoint_of as checkpoint_of
from engram_hdf5.checkpoint import drop_checkpoint as drop_checkpoint
from engram_hdf5.checkpoint import load_checkpoint as load_checkpoint
from engram_hdf5.checkpoint import save_checkpoint as save_checkpoint
from engram_hdf5.compare import compare as compare
from engram_hdf5.errors import Finding as Finding
from engram_hdf5.errors import FormatError as FormatError
from engram_hdf5.errors import OutputError as OutputError
from engram_hdf5.errors import OutputExistsError as OutputExistsError
from engram_hdf5.errors import StorageError as StorageError
from engram_hdf5.errors import UnknownNameError as UnknownNameError
from engram_hdf5.isolation import Limits as Limits
from engram_hdf5.isolation import check_sound as check_sound
from engram_hdf5.isolation import judge as judge
from engram_hdf5.migration import Migrated as Migrated
from engram_hdf5.migration import Migration as Migration
from engram_hdf5.migration import migrate as migrate
from engram_hdf5.nwb import Credit as Credit
from engram_hdf5.nwb import Subject as Subject
from engram_hdf5.nwb import export_nwb as export_nwb
from engram_hdf5.place import check_place as check_place
from engram_hdf5.reader import RunFile as RunFile
from engram_hdf5.recording import Recording as Recording
from engram_hdf5.recovery import Recovered as Recovered
from engram_hdf5.recovery import recover as recover
from engram_hdf5.recovery import recovered_path as recovered_path
from engram_hdf5.schema import Schema as Schema
from engram_hdf5.schema import SchemaError as SchemaError
from engram_hdf5.schema import parse_schema as parse_schema
from engram_hdf5.schema import run_schema as run_schema
from engram_hdf5.together import RunFiles as RunFiles
from engram_hdf5.together import open as open
from engram_hdf5.validator import validate as validate
from engram_hdf5.variables import Column as Column
from engram_hdf5.variables import ColumnSpec as ColumnSpec
from engram_hdf5.variables import Variable as Variable
from engram_hdf5.writer import Writer as Writer
