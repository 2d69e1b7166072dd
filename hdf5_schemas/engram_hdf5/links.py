"""Goes through a file without following any link out of it, and within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import h5py

from engram_hdf5.errors import Finding, FormatError, reason_of

MOST_OBJECTS = 20_000
MOST_DEPTH = 32


@attrs.frozen(eq=False)
class Entry:
    """An object of the file, reached by hard links alone.

    Attributes:
        path: Its path, without a leading slash; empty for the root.
        item: The group or dataset.
    """

    path: str
    item: Any

    @property
    def is_group(self) -> bool:
        """Whether it is a group."""
        return isinstance(self.item, h5py.Group)

    @property
    def parent(self) -> str:
        """Path of the group it lies in."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def walk(file: h5py.File) -> Iterator[Entry | Finding]:
    """Every object of a file once, groups before what is in them.

    Args:
        file: The open file.

    Yields:
        Objects, and findings about links that are not followed and objects that cannot be opened.
    """
    yield Entry("", file)
    seen = {_address(file)}
    groups: list[Entry] = [Entry("", file)]
    while groups:
        group = groups.pop()
        for child in children(group):
            if isinstance(child, Finding):
                yield child
                continue
            try:
                address = _address(child.item)
            except (RuntimeError, OSError, ValueError) as error:
                yield Finding("E_OBJECT", child.path, f"cannot be opened: {reason_of(error)}")
                continue
            if address in seen:
                code = "E_HARD_LINK_CYCLE" if child.is_group else "E_HARD_LINK"
                yield Finding(code, child.path, "is a second link to an object that was met before")
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS or child.path.count("/") >= MOST_DEPTH:
                yield Finding("E_LIMIT", child.path, f"beyond {MOST_OBJECTS} objects or {MOST_DEPTH} levels")
                return
            yield child
            if child.is_group:
                groups.append(child)


def children(group: Entry) -> Iterator[Entry | Finding]:
    """What lies directly in a group.

    Yields:
        Objects reached by a hard link; findings for every other link and for what cannot be opened.
    """
    try:
        names = list(group.item)
    except (RuntimeError, OSError, ValueError) as error:
        yield Finding("E_OBJECT", group.path or "/", f"cannot be listed: {reason_of(error)}")
        return
    for name in names:
        path = f"{group.path}/{name}".lstrip("/")
        link = _link_finding(group.item, name, path)
        if link is not None:
            yield link
            continue
        try:
            yield Entry(path, group.item[name])
        except (RuntimeError, OSError, KeyError, ValueError, TypeError) as error:
            yield Finding("E_OBJECT", path, f"cannot be opened: {reason_of(error)}")


def hard_child(group: h5py.Group, name: str | bytes) -> Any | None:
    """A member of a group, None where it is absent or reached by another link than a hard one.

    Raises:
        FormatError: It is damaged.
    """
    # `name in group` would follow the link to answer. h5py gives a name that is no UTF-8 as bytes.
    raw = name if isinstance(name, bytes) else name.encode()
    if not group.id.links.exists(raw) or _link_finding(group, name, "") is not None:
        return None
    try:
        return group[name]
    except (RuntimeError, OSError, KeyError, ValueError, TypeError) as error:
        where = f"{group.file.filename}: {group.name.rstrip('/')}/{raw.decode('utf-8', 'replace')}"
        text = f"{where}: cannot be opened ({reason_of(error)}); recover it"
        raise FormatError(text, "E_OBJECT") from error


def _link_finding(group: h5py.Group, name: str | bytes, path: str) -> Finding | None:
    try:
        link = group.get(name, getlink=True)
    except (TypeError, RuntimeError, OSError, KeyError, ValueError) as error:
        return Finding("E_OBJECT", path, f"is a link of an unknown kind: {reason_of(error)}")
    if isinstance(link, h5py.ExternalLink):
        return Finding("E_EXTERNAL_LINK", path, "is a link to another file; it is not followed")
    if isinstance(link, h5py.SoftLink):
        return Finding("E_SOFT_LINK", path, "is a soft link; it is not followed")
    return None


def _address(item: Any) -> tuple[int, Any]:
    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr
