"""Makes a valid file of what a run that was killed has left.

The `.part` is only read. Its committed rows go into a new file, which gets its name when it is whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import h5py

from engram_hdf5.buffer import Room
from engram_hdf5.errors import Finding, FormatError, OutputError, reason_of
from engram_hdf5.layout import timestamp
from engram_hdf5.netcdf import set_attributes
from engram_hdf5.place import (
    check_place,
    create_file,
    is_segment_folder,
    rename,
    replacing,
    storing,
    writing,
)
from engram_hdf5.reader import RunFile, check_version
from engram_hdf5.rows import open_file
from engram_hdf5.salvage import Salvage
from engram_hdf5.schema import run_schema
from engram_hdf5.segments import check_idle, join
from engram_hdf5.storage import read_attributes
from engram_hdf5.superblock import Mended, read_superblock
from engram_hdf5.torn import DAMAGE
from engram_hdf5.validator import validate

_NOTHING = "no row was committed before the run stopped; there is nothing to recover"
_MENDABLE = ("E_TRUNCATED", "E_OPEN_FOR_WRITE")


@attrs.frozen
class Recovered:
    """What `recover` saved.

    Attributes:
        path: The new file.
        rows: Rows of each recording and table, by its path in the file.
        finals: Paths of the final states.
        mended: Whether the first bytes of the old file were wrong about its length; they were read as they
            should be.
        lost: What was not saved, and why; empty where every committed row was.
    """

    path: Path
    rows: Mapping[str, int]
    finals: tuple[str, ...]
    mended: bool
    lost: tuple[Finding, ...]


def recovered_path(part: Path) -> Path:
    """Name of the recovered file where none is given: `NAME.recovered.h5` for `NAME.h5.part`."""
    name = part.name.removesuffix(".part").removesuffix(".h5")
    return part.with_name(f"{name}.recovered.h5")


def recover(
    part: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
    resuming: bool = False,
) -> Recovered:
    """Write what is whole in the `.part` of a run that was killed into a new, valid file.

    Args:
        part: The `.part`, or a damaged run file; it is never changed. The segments of a run may be recovered
            while it goes on.
        out: The new file; `NAME.recovered.h5` beside the `.part` if not given.
        force: Whether to replace an existing file.
        resuming: Whether the run shall be resumed: it must not go on, may be complete, and needs no rows.

    Returns:
        What was saved, and what was not.

    Raises:
        FormatError: The file is absent, no HDF5, no run file, of a newer version, being written, or damaged
            where it begins; or no row of it was committed.
        OutputExistsError: The new file is there and `force` is false.
        OutputError: The file is complete and sound, or the new one cannot be written there.
        StorageError: The disk is full.
    """
    part = Path(part)
    out = recovered_path(part) if out is None else Path(out)
    if out.exists() and part.exists() and out.samefile(part):
        raise OutputError(f"{out}: is the file to recover itself; choose another name")
    check_place(out, out, force=force)
    if is_segment_folder(part):
        if resuming:
            check_idle(part)
        return _recover_segments(part, out, empty=resuming)
    with contextlib.ExitStack() as stack:
        source, mended = _open(part, stack)
        facts = _facts(part, source)
        if facts["status"] == "complete" and not mended and not resuming:
            _refuse_sound(part)
        return _write(part, source, out, _recovered_facts(part, facts), mended=mended, empty=resuming)


def _recover_segments(folder: Path, out: Path, *, empty: bool) -> Recovered:
    joined = out.with_name(f"{out.name}.joined")
    try:
        with storing(joined):
            left_out = join(folder, joined)
        said = f"{left_out} segments were left out: one is missing or damaged"
        lost = (Finding("E_MISSING", "/", said),) if left_out else ()
        saved = _recover_joined(folder, joined, out, empty=empty)
        return attrs.evolve(saved, lost=(*lost, *saved.lost))
    finally:
        joined.unlink(missing_ok=True)


def _recover_joined(folder: Path, joined: Path, out: Path, *, empty: bool) -> Recovered:
    with open_file(joined) as source:
        facts = _facts(joined, source)
    if facts["status"] != "complete":
        facts = _recovered_facts(folder, facts)
    if any(finding.is_error for finding in validate(joined, data=True)):
        with open_file(joined) as source:
            return _write(folder, source, out, facts, mended=False, empty=empty)
    with storing(joined), writing(h5py.File(joined, "r+", libver=("v108", "v108"))) as file:
        set_attributes(file, facts)
    with RunFile(joined, open_file(joined)) as run:
        groups = [*run.recordings.values(), *run.tables().values()]
        rows = {str(item.group.name).strip("/"): item.length or 0 for item in groups}
        finals = tuple(str(item.group.name).strip("/") for item in run.finals.values())
    if not (empty or any(rows.values()) or finals):
        raise FormatError(f"{folder}: {_NOTHING}", "E_EMPTY")
    with storing(out):
        rename(joined, out)
    return Recovered(out, rows, finals, False, ())


def _open(part: Path, stack: contextlib.ExitStack) -> tuple[h5py.File, bool]:
    """Open a file, with its first bytes mended where it cannot be read otherwise."""
    superblock = None
    try:
        file = stack.enter_context(open_file(part))
        superblock = read_superblock(part)
        # A wrong length shows only when something beyond it is read.
        if superblock is None or not superblock.is_stale:
            return file, False
        file.close()
    except FormatError as error:
        superblock = read_superblock(part) if error.code in _MENDABLE else None
        if superblock is None or not superblock.is_stale:
            raise
    try:
        return stack.enter_context(h5py.File(stack.enter_context(Mended(part, superblock)), "r")), True
    except DAMAGE as error:
        raise FormatError(
            f"{part}: is damaged where it begins ({reason_of(error)}); nothing can be recovered", "E_OPEN"
        ) from error


def _facts(part: Path, source: h5py.File) -> dict[str, Any]:
    try:
        facts = read_attributes(source)
    except DAMAGE:
        facts = _facts_by_name(source)
    check_version(part, facts)
    return {"status": "running", **facts}


def _facts_by_name(source: h5py.File) -> dict[str, Any]:
    """The attributes that the format knows: their list can be damaged where they themselves are not."""
    facts = {}
    for rule in run_schema().root.attributes:
        with contextlib.suppress(*DAMAGE):
            facts[rule.name] = str(source.attrs[rule.name])
    return facts


def _refuse_sound(part: Path) -> None:
    if any(finding.is_error for finding in validate(part, data=True)):
        return
    final = part.name.removesuffix(".part")
    remedy = f"rename it to {final}" if final != part.name else "use it as it is"
    raise OutputError(f"{part}: is complete and sound, there is nothing to recover; {remedy}")


def _recovered_facts(part: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    old = f"{facts['status']}: {facts.get('status_reason', '')}".rstrip(": ")
    line = f"{timestamp()} recovered from {part.name} by engram {metadata.version('engram')}"
    kept = {name: value for name, value in facts.items() if name != "date_completed"}
    return kept | {
        "status": "interrupted",
        "status_reason": f"recovered from {part.name}, whose status was {old}"[:1000],
        "history": f"{facts.get('history', '')}\n{line}".strip(),
    }


def _write(
    part: Path, source: h5py.File, out: Path, facts: Mapping[str, Any], *, mended: bool, empty: bool
) -> Recovered:
    work = out.with_name(f"{out.name}.recovering")
    room = Room(work)
    room.check(0)
    with storing(work), replacing(work, out):
        salvage = _copied(part, source, work, facts, room)
        if not (empty or any(salvage.rows.values()) or salvage.finals):
            raise FormatError(f"{part}: {_nothing(salvage)}", "E_EMPTY")
        lost = [*salvage.lost, *_missing(work, salvage.lost)]
    return Recovered(out, salvage.rows, tuple(salvage.finals), mended, tuple(lost))


def _copied(part: Path, source: h5py.File, work: Path, facts: Mapping[str, Any], room: Room) -> Salvage:
    with writing(create_file(work)) as target:
        set_attributes(target, facts)
        salvage = Salvage(part, source, target, run_schema(), room)
        with _reading(part):
            salvage.copy()
    return salvage


@contextlib.contextmanager
def _reading(part: Path) -> Iterator[None]:
    """Tell damage of the old file that nothing can be saved of from a failing disk."""
    try:
        yield
    except (FormatError, OutputError):
        raise
    except DAMAGE as error:
        raise FormatError(
            f"{part}: is damaged where its parts are listed ({reason_of(error)}); nothing can be recovered",
            "E_OBJECT",
        ) from error


def _nothing(salvage: Salvage) -> str:
    damage = next((item for item in salvage.lost if item.is_error), None)
    if damage is None:
        return _NOTHING
    return f"holds no committed row that can be read ({damage}); there is nothing to recover"


def _missing(work: Path, lost: list[Finding]) -> list[Finding]:
    """What the new file lacks that a valid one has, such as a group that the old one had lost."""
    known = {finding.where for finding in lost}
    found = [item for item in validate(work) if item.code != "W_INCOMPLETE"]
    return [item for item in found if item.code != "E_MISSING" or item.where not in known]
