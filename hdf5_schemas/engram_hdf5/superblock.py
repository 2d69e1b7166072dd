"""The first bytes of an HDF5 file, which say where it ends: after a crash they may be wrong.

Sources: HDF5 File Format Specification 3.0, section II.A; the checksum is lookup3 by Bob Jenkins.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import attrs

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LENGTH = 48
_MASK = 0xFFFFFFFF
_MIXING = ((0, 2, 4, 1), (1, 0, 6, 2), (2, 1, 8, 0), (0, 2, 16, 1), (1, 0, 19, 2), (2, 1, 4, 0))
_CLOSING = ((2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24))


@attrs.frozen
class Superblock:
    """The first bytes of a file, as they are and as they should be.

    Attributes:
        stored: The bytes in the file.
        mended: The same with the true length of the file, and without the mark of a writer at work.
    """

    stored: bytes
    mended: bytes

    @property
    def is_stale(self) -> bool:
        """Whether the file says something else than what is true."""
        return self.stored != self.mended


def read_superblock(path: Path) -> Superblock | None:
    """Read the first bytes of a file.

    Args:
        path: The file; it is not changed.

    Returns:
        The superblock, None where there is none of a known form.
    """
    with path.open("rb") as file:
        stored = file.read(_LENGTH)
    if len(stored) < _LENGTH or not stored.startswith(_SIGNATURE):
        return None
    size = path.stat().st_size.to_bytes(8, "little")
    version = stored[8]
    if version == 0 and stored[13] == 8:
        return Superblock(stored, stored[:40] + size)
    if version in (2, 3) and stored[9] == 8:
        mended = stored[:11] + b"\0" + stored[12:28] + size + stored[36:44]
        return Superblock(stored, mended + lookup3(mended).to_bytes(4, "little"))
    return None


class Mended(io.RawIOBase):
    """A file as it would be with a mended superblock; the file itself is only read.

    Args:
        path: The file.
        superblock: Its superblock.
    """

    def __init__(self, path: Path, superblock: Superblock) -> None:
        self._file: Any = path.open("rb", buffering=0)
        self._head = superblock.mended

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place of the file."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """The place in the file."""
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the present place."""
        view = memoryview(buffer).cast("B")
        start = self.tell()
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                break
            done += count
        head = self._head[start : start + done]
        view[: len(head)] = head
        return done

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def lookup3(data: bytes) -> int:
    """The checksum that HDF5 keeps of its metadata.

    Args:
        data: At least one byte.
    """
    state = [(0xDEADBEEF + len(data)) & _MASK] * 3
    padded = data + bytes(-len(data) % 12)
    for at in range(0, len(padded), 12):
        for index in range(3):
            word = int.from_bytes(padded[at + 4 * index : at + 4 * index + 4], "little")
            state[index] = (state[index] + word) & _MASK
        if at + 12 < len(padded):
            _mix(state)
    for into, by, bits in _CLOSING:
        state[into] = ((state[into] ^ state[by]) - _rotated(state[by], bits)) & _MASK
    return state[2]


def _mix(state: list[int]) -> None:
    for into, by, bits, onto in _MIXING:
        state[into] = ((state[into] - state[by]) & _MASK) ^ _rotated(state[by], bits)
        state[by] = (state[by] + state[onto]) & _MASK


def _rotated(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (32 - bits))) & _MASK
