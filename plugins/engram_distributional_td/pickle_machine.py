"""A machine for pickles that can only build plain data.

A pickle is a program for a stack machine, and the machine of the standard library imports and calls whatever
the program names. This one knows the opcodes with which plain data are written (protocol 2 to 5), looks names
up in a table of constructors that it is given, imports nothing, and refuses what it does not know. The
meaning of each opcode is that of the module `pickletools`, which here takes programs apart.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from engram import EngramError

_OPCODES = 1 << 21
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = (
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES",
    "BINBYTES",
)  # fmt: skip
_EMPTY: dict[str, type[Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()


@attrs.frozen(eq=False)
class Name:
    """What a program has for a name that it is allowed to use.

    Attributes:
        text: Such as "collections.OrderedDict".
        make: What calling it makes; None for what is only named.
    """

    text: str
    make: Callable[..., Any] | None


@attrs.define(eq=False)
class PickleMachine:
    """Runs one program.

    Attributes:
        names: Constructors by name.
        persistent: Gives what a persistent id stands for.
    """

    names: Mapping[str, Callable[..., Any] | None]
    persistent: Callable[[Any], Any]
    _stack: list[Any] = attrs.field(factory=list, init=False)
    _memo: dict[int, Any] = attrs.field(factory=dict, init=False)

    def run(self, program: bytes) -> Any:
        """Return what a program builds.

        Raises:
            EngramError: It is damaged, too long, or asks for what plain data do not need.
        """
        try:
            with warnings.catch_warnings():
                # `pickletools` only warns of a name with an escape that is none.
                warnings.simplefilter("error")
                return self._run(program)
        except (ValueError, IndexError, KeyError, TypeError, Warning) as error:
            raise EngramError(f"its pickle is damaged ({_line(error)}); get the file again") from None

    def _run(self, program: bytes) -> Any:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(program)):
            if opcode.name == "STOP":
                return self._stack.pop()
            if number >= _OPCODES:
                raise EngramError(f"its pickle has over {_OPCODES:,} opcodes, more than are read")
            self._do(opcode.name, argument)
        raise ValueError("it has no end")

    def _do(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            stack.append(self._last(_TUPLES[name]))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise EngramError(
                f"its pickle has the opcode {name}, which plain data do not need; it was not run"
            )

    def _last(self, n: int) -> tuple[Any, ...]:
        """Take the last `n` items, among which there is no mark."""
        items = tuple(self._stack[-n:])
        if len(items) < n or any(item is _MARK for item in items):
            raise ValueError("an operand is missing")
        del self._stack[-n:]
        return items

    def _marked(self) -> tuple[Any, ...]:
        """Take the items after the last mark, and the mark."""
        items = []
        while (item := self._stack.pop()) is not _MARK:
            items.append(item)
        return tuple(reversed(items))

    def _top(self, kind: type[Any]) -> Any:
        if type(self._stack[-1]) is not kind:
            raise ValueError(f"{kind.__name__} expected, {type(self._stack[-1]).__name__} found")
        return self._stack[-1]

    def _mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def _tuple(self, _: Any) -> None:
        self._stack.append(self._marked())

    def _append(self, _: Any) -> None:
        (item,) = self._last(1)
        self._top(list).append(item)

    def _appends(self, _: Any) -> None:
        items = self._marked()
        self._top(list).extend(items)

    def _set_item(self, _: Any) -> None:
        self._set(self._last(2))

    def _set_items(self, _: Any) -> None:
        self._set(self._marked())

    def _set(self, items: tuple[Any, ...]) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            # The hash of a tuple recurses as deep as the tuple is nested, past any limit of Python's.
            if not isinstance(key, str | int):
                raise EngramError(
                    f"it has a dict with a key of type {type(key).__name__}; only text and int are read"
                )
            target[key] = value

    def _put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _name(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._look_up(module, name)

    def _stacked_name(self, _: Any) -> None:
        module, name = self._last(2)
        self._look_up(str(module) if isinstance(module, str) else "", name if isinstance(name, str) else "")

    def _look_up(self, module: str, name: str) -> None:
        text = f"{module}.{name}"
        if text not in self.names:
            raise EngramError(
                f"its pickle asks for {text[:80]}, which is no plain data; nothing of it was run"
            )
        self._stack.append(Name(text, self.names[text]))

    def _call(self, _: Any) -> None:
        called, arguments = self._last(2)
        if not isinstance(called, Name) or called.make is None or type(arguments) is not tuple:
            raise ValueError("something is called that cannot be")
        self._stack.append(called.make(*arguments))

    def _build(self, _: Any) -> None:
        (state,) = self._last(1)
        if not hasattr(self._stack[-1], "build"):
            raise ValueError(f"{type(self._stack[-1]).__name__} is given a state")
        self._stack[-1].build(state)

    def _persist(self, _: Any) -> None:
        (identity,) = self._last(1)
        self._stack.append(self.persistent(identity))

    def _nothing(self, _: Any) -> None:
        """Protocol and frames say nothing on what is built."""


_ACTIONS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "PROTO": PickleMachine._nothing,
    "FRAME": PickleMachine._nothing,
    "MARK": PickleMachine._mark,
    "TUPLE": PickleMachine._tuple,
    "APPEND": PickleMachine._append,
    "APPENDS": PickleMachine._appends,
    "SETITEM": PickleMachine._set_item,
    "SETITEMS": PickleMachine._set_items,
    "BINPUT": PickleMachine._put,
    "LONG_BINPUT": PickleMachine._put,
    "MEMOIZE": PickleMachine._memoize,
    "BINGET": PickleMachine._get,
    "LONG_BINGET": PickleMachine._get,
    "GLOBAL": PickleMachine._name,
    "STACK_GLOBAL": PickleMachine._stacked_name,
    "REDUCE": PickleMachine._call,
    "BUILD": PickleMachine._build,
    "BINPERSID": PickleMachine._persist,
}


def _line(error: Exception) -> str:
    text = (str(error).splitlines() or [""])[0][:80]
    return text if isinstance(error, ValueError) and text else type(error).__name__
