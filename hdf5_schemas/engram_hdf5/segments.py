"""The strongest way to keep a growing run: as segments, files that are never written to once they are there.

Each commit makes an image of the run file in memory, with the HDF5 chunks that are new since the segment
before, and moves it into the folder in one step. As long as it holds little but chunks that are not full, the
next image takes its place: a slow run would fill the disk with copies of them. The last segment holds the
attributes and the numbers of rows of the whole run; joining copies the chunks of the others into it as they
are stored.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from engram_hdf5.errors import FormatError, OutputError, StorageError
from engram_hdf5.medium import Durability, Medium, SingleFile
from engram_hdf5.place import LOCK, create_file, is_segment_folder, replacing, writing

try:
    import fcntl
except ImportError:  # Windows: two runs into one folder are not told apart
    fcntl = None  # type: ignore[assignment]

_PATTERN = "[0-9]" * 6 + ".h5"
_BLOCK = 1 << 20
Place = tuple[str, tuple[int, ...]]


class SegmentFolder(Medium):
    """A `.part` that is a folder of segments.

    Args:
        part: Path of the folder, created here.

    Raises:
        StorageError: It cannot be created.
    """

    seconds = 10.0
    in_place = False
    nbytes = 64 << 20

    def __init__(self, part: Path) -> None:
        self.part = part
        self._count = 0
        self._is_kept = False
        self._structure: bytes | None = None
        try:
            part.mkdir()
            self._lock = _lock(part)
        except OSError as error:
            raise StorageError(f"{part}: cannot be created ({error}); choose another place") from error
        self.file = _image()

    def begin_structure(self) -> bool:
        """Forget the structure; what is added to it must find a segment without rows."""
        structure, self._structure = self._structure, None
        if structure is None or not self._is_kept:
            return False
        self._begin(structure)
        return True

    def begin_rows(self) -> None:
        """Remember the structure: every segment begins as a copy of it."""
        if self._structure is None:
            self._structure = self._bytes()

    def keep(self, unfinished: int) -> bool:
        """Write the segment, and begin the next where half of it need not be written again."""
        image = self._bytes()
        self._write(image)
        if self._structure is None or len(image) < 2 * (len(self._structure) + unfinished):
            return False
        self._begin(self._structure)
        return True

    def finish(self, path: Path) -> None:
        """Write the last segment, join them all, and remove the folder."""
        self._write(self._bytes())
        self.file.close()
        joined = self.part / "joined.h5"
        try:
            # On a full disk half a file would take the room that recovering needs.
            with replacing(joined, path):
                join(self.part, joined)
        finally:
            self._lock.close()
        remove(self.part)

    def leave(self) -> None:
        """Write the last segment."""
        self._write(self._bytes())
        self.file.close()
        self._lock.close()

    def fail(self) -> None:
        """Close: the file is in memory, and the segments before are whole."""
        self.file.close()
        self._lock.close()

    def discard(self) -> None:
        """Close and remove the folder."""
        self.fail()
        remove(self.part)

    def _begin(self, structure: bytes) -> None:
        self._count, self._is_kept = self._count + 1, False
        self.file.close()
        self.file = _image(structure)

    def _bytes(self) -> bytes:
        self.file.flush()
        image: bytes = self.file.id.get_file_image()
        return image

    def _write(self, image: bytes) -> None:
        target = self.part / f"{self._count:06d}.h5"
        work = target.with_suffix(".tmp")
        with replacing(work, target):
            work.write_bytes(image)
        self._is_kept = True


def open_medium(durability: Durability, part: Path) -> Medium:
    """Begin the `.part` of a run, in place of what an unfinished one left.

    Raises:
        OutputError: A running writer holds it.
        StorageError: It cannot be created.
    """
    if is_segment_folder(part):
        check_idle(part)
        remove(part)
    if durability == "flush":
        return SingleFile(part)
    if part.exists():
        create_file(part).close()
        remove(part)
    return SegmentFolder(part)


def check_idle(folder: Path) -> None:
    """Refuse the segments of a run that goes on.

    Raises:
        OutputError: A writer holds them, or they cannot be replaced.
    """
    _lock(folder).close()


def remove(part: Path) -> None:
    """Remove a `.part`, be it a file or a folder of segments; nothing else."""
    if not is_segment_folder(part):
        part.unlink(missing_ok=True)
        return
    for item in (*sorted(part.glob("*.h5"), reverse=True), *part.glob("*.tmp"), part / LOCK):
        item.unlink(missing_ok=True)
    # What someone else has put there stays, and must not make a complete run fail.
    with contextlib.suppress(OSError):
        part.rmdir()


def join(folder: Path, target: Path) -> int:
    """Make one run file of the segments in a folder, which is only read.

    Args:
        folder: The folder; a run may be writing it.
        target: The file to write.

    Returns:
        How many segments were left out: those from the first on that is missing or damaged.

    Raises:
        FormatError: There is none, or none that is whole.
        OSError: The target cannot be written.
        RuntimeError: Likewise, as HDF5 says it.
    """
    segments = sorted(folder.glob(_PATTERN))
    chunks = list(_inventories(segments))
    if not chunks:
        raise FormatError(f"{folder}: holds no segment that is whole; nothing can be recovered", "E_EMPTY")
    last = len(chunks) - 1
    shutil.copyfile(segments[last], target)
    with writing(h5py.File(target, "r+", libver=("v108", "v108"))) as joined:
        # Another image may have taken the place of the last since it was looked at.
        chunks[last] = _chunks(joined)
        newest = {place: index for index, places in enumerate(chunks) for place in places}
        for index, segment in enumerate(segments[:last]):
            with h5py.File(segment, "r", locking=False) as source:
                _copy_chunks(source, joined, [place for place in chunks[index] if newest[place] == index])
    return len(segments) - len(chunks)


def _inventories(segments: list[Path]) -> Iterator[list[Place]]:
    """The chunks that each segment holds, up to the first segment that is missing or damaged.

    A chunk that was not full is in the next segment again.
    """
    for index, segment in enumerate(segments):
        if int(segment.stem) != index:
            return
        try:
            with h5py.File(segment, "r", locking=False) as source:
                yield _chunks(source)
        except (OSError, RuntimeError, KeyError, ValueError):
            return


def _chunks(file: Any) -> list[Place]:
    """Every chunk that is stored of an array that grows."""
    growing: list[Any] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.chunks and item.maxshape[0] is None:
            growing.append(item)

    file.visititems(note)
    places: list[Place] = []
    for dataset in growing:
        offsets: list[tuple[int, ...]] = []
        dataset.id.chunk_iter(lambda chunk, found=offsets: found.append(chunk.chunk_offset))
        places += [(dataset.name, offset) for offset in offsets]
    return places


def _copy_chunks(source: Any, target: Any, places: list[Place]) -> None:
    name, old, new = "", None, None
    for where, offset in places:
        if where != name:
            name, old, new = where, source[where].id, target[where].id
        assert old is not None and new is not None
        mask, stored = old.read_direct_chunk(offset)
        new.write_direct_chunk(offset, stored, mask)


def _image(content: bytes | None = None) -> h5py.File:
    """A run file in memory, empty or with the given bytes."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(_BLOCK, False)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    if content is None:
        options = {"driver": "core", "backing_store": False, "block_size": _BLOCK}
        return h5py.File("segment", "w", libver=("v108", "v108"), track_order=True, **options)
    access.set_file_image(content)
    return h5py.File(h5py.h5f.open(b"segment", h5py.h5f.ACC_RDWR, access))


def _lock(part: Path) -> Any:
    """Hold the folder for this process.

    Raises:
        OutputError: Another one holds it, or it is not writable.
    """
    lock = part / LOCK
    if not all(os.access(place, os.W_OK) for place in (part, lock) if place.exists()):
        raise OutputError(f"{part}: is not writable; change its permissions, or write elsewhere")
    handle = lock.open("w")
    with contextlib.ExitStack() as stack:
        stack.callback(handle.close)
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputError(
                    f"{part}: a run is writing it; wait for its end, or choose another name"
                ) from error
        stack.pop_all()
    return handle
