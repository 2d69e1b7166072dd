"""Pickles of plain data, read without running what they hold.

A pickle is a program for a stack machine, which imports and calls whatever the program names. Here it knows
the opcodes with which plain data are written (protocol 2 to 5), and looks names up in a table.

It is the standard library's machine in Python. That in C can look names up in a table too, but it makes its
memo as long as the largest index that a program mentions, so that 9 bytes take gigabytes, and a key that is a
deeply nested tuple ends the process.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from engram import EngramError

_PICKLE = 1 << 22
_PLAIN = """
    PROTO FRAME STOP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT SHORT_BINUNICODE BINUNICODE
    SHORT_BINBYTES BINBYTES EMPTY_DICT EMPTY_LIST EMPTY_TUPLE MARK TUPLE TUPLE1 TUPLE2 TUPLE3 APPEND APPENDS
    BINPUT LONG_BINPUT MEMOIZE BINGET LONG_BINGET GLOBAL STACK_GLOBAL REDUCE BINPERSID
""".split()


def load(program: bytes, names: Mapping[str, Any], persistent: Callable[[Any], Any]) -> Any:
    """Return what a pickle builds.

    An object that takes a state has a method `build` for it.

    Args:
        program: The pickle.
        names: What stands for each name that it may use, such as "collections.OrderedDict". Nothing else
            is called.
        persistent: Gives what a persistent id stands for.

    Raises:
        EngramError: It is damaged, too long, or asks for what plain data do not need.
    """
    if len(program) > _PICKLE:
        raise EngramError(f"has a pickle of {len(program):,} bytes; up to {_PICKLE:,} are read")
    try:
        return _PlainUnpickler(program, names, persistent).load()
    except EngramError:
        raise
    except KeyError as error:
        raise EngramError(
            f"its pickle has the opcode {error}, which plain data do not need; it was not run"
        ) from None
    except Exception as error:  # what a damaged pickle can raise is not documented
        raise EngramError(f"its pickle is damaged ({type(error).__name__}); get the file again") from None


class _PlainUnpickler(pickle._Unpickler):
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, program: bytes, names: Mapping[str, Any], persistent: Callable[[Any], Any]) -> None:
        super().__init__(io.BytesIO(program))
        self.names, self.persistent = names, persistent

    def find_class(self, module: str, name: str) -> Any:
        text = f"{module}.{name}"
        if text not in self.names:
            raise EngramError(
                f"its pickle asks for {text[:80]!r}, which is no plain data; nothing of it was run"
            )
        return self.names[text]

    def persistent_load(self, pid: Any) -> Any:
        return self.persistent(pid)

    def _build(self) -> None:
        state = self.stack.pop()
        self.stack[-1].build(state)

    def _set_item(self) -> None:
        self._set([self.stack.pop(-2), self.stack.pop()])

    def _set_items(self) -> None:
        self._set(self.pop_mark())

    def _set(self, items: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            # The hash of a tuple recurses as deep as the tuple is nested, past any limit of Python's.
            if not isinstance(key, str | int):
                raise EngramError(
                    f"has a dict with a key of type {type(key).__name__}; only text and int are read"
                )
            target[key] = value

    dispatch: ClassVar[dict[int, Any]] = {
        **{code: pickle._Unpickler.dispatch[code] for (code,) in (getattr(pickle, name) for name in _PLAIN)},
        pickle.BUILD[0]: _build,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
    }
