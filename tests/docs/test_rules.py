"""The page on rules: its code runs, and its table of targets is that of the code."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from engram.rules import rule, target


def test_the_code_of_the_page_runs_as_one_module(page: Any, tmp_path: Path) -> None:
    blocks = [block for block in page("docs/rules.md").blocks if block.kind == "python"]
    module = tmp_path / "blocks.py"
    module.write_text("\n\n".join(block.text for block in blocks))

    names = runpy.run_path(str(module))

    assert len(blocks) == 7
    assert names["forward"].__name__ == "forward"


def test_numba_begins_where_the_page_says(page: Any) -> None:
    text = page("docs/rules.md").text

    assert f"below {target.LARGE:,} elements" in text
    assert f"from {target.LARGE:,} elements on; above a million" in text
    assert rule._PARALLEL == 1 << 20
