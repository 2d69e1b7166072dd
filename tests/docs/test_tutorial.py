"""The tutorial is followed as it is written, from an empty folder to the end."""

from __future__ import annotations

from typing import Any


def test_the_tutorial_can_be_followed_block_by_block(page: Any, follow: Any, scratch: Any) -> None:
    blocks = page("docs/plugin-tutorial.md").blocks

    for block in blocks:
        follow(scratch, block)

    assert {"python", "toml", "console"} <= {block.kind for block in blocks}


def test_every_block_of_the_tutorial_is_a_file_a_script_or_a_session(page: Any) -> None:
    for block in page("docs/plugin-tutorial.md").blocks:
        assert block.file or block.kind in ("python", "console"), f"line {block.line} is never executed"
