"""Reads the pages of the documentation block by block, and does what a reader would do with each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"`([\w./-]+\.\w+)`:$")


@attrs.frozen
class Block:
    """A fenced block of a page.

    Attributes:
        kind: What stands after the fence: python, toml, console, text.
        text: What is inside.
        line: Where it begins in the page.
        lead: The line of text before it; one that ends in "`file`:" says that the block is that file.
    """

    kind: str
    text: str
    line: int
    lead: str

    @property
    def file(self) -> str | None:
        """The file that the block is, or adds to."""
        found = PLACE.search(self.lead)
        return found[1] if found else None


@attrs.frozen
class Page:
    """A page of the documentation.

    Attributes:
        text: All of it.
        blocks: Its fenced blocks in order.
    """

    text: str
    blocks: list[Block]


@pytest.fixture(scope="session")
def page() -> Any:
    """Reads a page: `page("docs/hooks.md")`."""

    def read(name: str) -> Page:
        text = (ROOT / name).read_text(encoding="utf-8")
        blocks = []
        for found in FENCE.finditer(text):
            before = text[: found.start()]
            lead = before.rstrip().rpartition("\n")[2]
            blocks.append(Block(found[1], found[2], before.count("\n") + 1, lead))
        return Page(text, blocks)

    return read


def session(text: str) -> list[tuple[str, list[str]]]:
    """Return (command, lines it is said to print) of a console block; a line "..." stands for anything."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps[-1][0].endswith("\\"):
            steps[-1] = (f"{steps[-1][0]}\n{line}", steps[-1][1])
        elif line.strip() not in ("", "..."):
            steps[-1][1].append(line)
    return steps


@pytest.fixture(scope="session")
def follow() -> Any:
    """Does what a block says in a scratch environment: `follow(scratch, block)`."""

    def do(scratch: Any, block: Block) -> None:
        if block.file:
            place = scratch.folder / block.file
            place.parent.mkdir(parents=True, exist_ok=True)
            before = place.read_text() if block.lead.startswith("Add to") else ""
            place.write_text(f"{before}\n\n{block.text}" if before else block.text)
        elif block.kind == "python":
            (scratch.folder / "block.py").write_text(block.text)
            done = scratch.run("python block.py")
            assert done.returncode == 0, f"line {block.line}:\n{done.stderr}"
        elif block.kind == "console":
            for command, said in session(block.text):
                done = scratch.run(command)
                assert done.returncode == 0, f"line {block.line}: {command}\n{done.stdout}{done.stderr}"
                shown = " ".join((done.stdout + done.stderr).split())
                for line in said:
                    assert " ".join(line.split()) in shown, f"line {block.line}: {command}\n{shown}"

    return do
