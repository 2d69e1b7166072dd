import importlib
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import engram_hdf5 as h5


def test_run_schema_comes_from_its_text():
    schema = h5.run_schema()
    table = tomllib.loads(schema.text)
    assert (schema.name, schema.version, schema.major) == (table["name"], table["version"], 1)
    assert [group.path for group in schema.groups] == ["", *(group["path"] for group in table["group"])]
    assert schema.text == h5.parse_schema(schema.text).text


def test_a_path_finds_its_group_and_name_its_rule():
    schema = h5.run_schema()
    recording = schema.group("recordings/memory/rl_gain")
    assert recording is not None
    assert recording.dataset("time").monotonic
    assert recording.dataset("anything").dims_prefix == ("time",)
    assert recording.dataset("anything", scale=True).dtypes == ("int32",)
    assert schema.group("recordings/plant/x") is None
    assert schema.group("recordings/memory") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = 1 = 2", "TOMLDecodeError"),
        ('version = "1.0.0"', "'name'"),
        ('name = "x"\nversion = "one"', "ValueError"),
        ('name = "x"\nversion = "1"\nattrs.a = {type = "poem"}', "unknown type 'poem'"),
        ('name = "x"\nversion = "1"\nattrs.a = {kind = "str"}', "unexpected keyword"),
        ('name = "x"\nversion = "1"\n[[var]]\nname = "v"', "'dtype'"),
    ],
)
def test_a_text_that_is_no_schema_is_refused(text, message):
    with pytest.raises(h5.SchemaError, match=message):
        h5.parse_schema(text)


def test_a_schema_from_a_file_may_hold_no_regular_expression():
    text = 'name = "x"\nversion = "1"\nattrs.a = {pattern = "(a+)+$"}'
    assert h5.parse_schema(text).root.attributes[0].pattern == "(a+)+$"
    with pytest.raises(h5.SchemaError, match="may not hold a pattern"):
        h5.parse_schema(text, trusted=False)


def test_the_ground_floor_imports_neither_engram_nor_optional_packages():
    program = "import sys, engram_hdf5; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    roots = [str(Path(h5.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    loaded = set(done.stdout.split())
    assert "h5py" in loaded
    assert not loaded & {"engram", "engram_cli", "pandas", "xarray", "h5netcdf", "cupy", "numba"}


def test_every_public_name_says_what_it_is():
    public = [name for name in vars(h5) if not name.startswith("_")]
    modules = {module.name for module in pkgutil.iter_modules(h5.__path__)}
    for name in set(public) - modules:
        assert getattr(h5, name).__doc__, name
    for name in modules:
        assert importlib.import_module(f"engram_hdf5.{name}").__doc__, name
