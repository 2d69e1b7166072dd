"""Text and JSON that every verb prints."""

import json
from pathlib import Path

import numpy as np
import pytest

from engram_cli.show import number, plain, show_facts, show_json, show_table


def test_json_holds_arrays_paths_and_no_nan(capsys):
    show_json(values=np.array([1.0, np.nan, np.inf]), file=Path("a") / "b.h5", flag=np.bool_(True), none=None)
    text = capsys.readouterr().out
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name)) == {
        "schema": 1, "values": [1.0, None, None], "file": str(Path("a") / "b.h5"), "flag": True, "none": None,
    }  # fmt: skip


def test_keys_that_are_no_text_become_text():
    assert plain({1: (2, np.float32(0.5))}) == {"1": [2, 0.5]}


def test_tables_align_and_leave_empty_columns_out(capsys):
    show_table(("name", "nothing", "doc"), [("a", "", "first"), ("long", "", "second")])
    assert capsys.readouterr().out == "NAME  DOC\na     first\nlong  second\n"


def test_facts_leave_empty_values_out_but_not_zero(capsys):
    show_facts({"seed": 0, "title": "", "device": None, "replicas": 3})
    assert capsys.readouterr().out == "seed      0\nreplicas  3\n"


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456, "0.1235"), (15.0, "15"), (12345.6, "12,346"), (float("nan"), "nan")]
)
def test_numbers_are_short(value, text):
    assert number(value) == text
