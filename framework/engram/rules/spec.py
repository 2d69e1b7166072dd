"""The index spec of a rule: which arrays it takes, along which axes, and what it gives back.

    "w[b,i,j]& e[b,i,j]& x[b,i] y[b,j]+; decay"

`&` marks arrays that are updated in place, `+` arrays that receive a sum over the axes they lack, in index
order; both in the order of the results. Names without an index are single numbers.
"""

from __future__ import annotations

import re

import attrs

from ..errors import EngramError

_ARGUMENT = re.compile(r"([A-Za-z]\w*)(?:\[([A-Za-z]\w*(?:,[A-Za-z]\w*)*)\])?([&+]?)", re.ASCII)


@attrs.frozen
class Indexed:
    """One argument.

    Attributes:
        name: Its name.
        axes: Names of its axes; none for a number.
        mark: "&" updated, "+" summed into, "" read.
    """

    name: str
    axes: tuple[str, ...]
    mark: str


@attrs.frozen
class Spec:
    """The arguments of a rule.

    Attributes:
        arguments: All of them, in the order of the call.
    """

    arguments: tuple[Indexed, ...]

    @property
    def outputs(self) -> tuple[Indexed, ...]:
        """Those that receive results, in their order."""
        return tuple(item for item in self.arguments if item.mark)

    @property
    def inputs(self) -> tuple[Indexed, ...]:
        """Those that the function takes: all but the sums."""
        return tuple(item for item in self.arguments if item.mark != "+")

    @property
    def axes(self) -> tuple[str, ...]:
        """All axes, in the order of first mention."""
        return tuple(dict.fromkeys(axis for item in self.arguments for axis in item.axes))

    @property
    def summed(self) -> tuple[str, ...]:
        """Axes that are summed over."""
        kept = {axis for item in self.outputs if item.mark == "+" for axis in item.axes}
        return (
            tuple(axis for axis in self.axes if axis not in kept)
            if any(i.mark == "+" for i in self.outputs)
            else ()
        )


def read(text: str) -> Spec:
    """Read a spec.

    Raises:
        EngramError: It is not one.
    """
    arguments = []
    for word in re.sub(r"\s*,\s*", ",", text).replace(";", " ").split():
        found = _ARGUMENT.fullmatch(word)
        if found is None:
            raise EngramError(
                f"rule spec: {word!r} is no argument; write name, name[axis,axis], with & or + behind"
            )
        name, axes, mark = found.groups()
        arguments.append(Indexed(name, tuple(axes.split(",")) if axes else (), mark))
    _check(arguments)
    return Spec(tuple(arguments))


def _check(arguments: list[Indexed]) -> None:
    names = [item.name for item in arguments]
    axes = {axis for item in arguments for axis in item.axes}
    for item in arguments:
        if names.count(item.name) > 1 or len(set(item.axes)) < len(item.axes):
            raise EngramError(f"rule spec: {item.name!r}: a name or an axis occurs twice")
        if item.mark and not item.axes:
            raise EngramError(
                f"rule spec: {item.name!r} is a number and cannot receive a result; give it an axis"
            )
        if item.mark == "&" and set(item.axes) != axes:
            raise EngramError(
                f"rule spec: {item.name!r} is updated but lacks an axis of the rule; sum into it with +"
            )
    sums = {frozenset(item.axes) for item in arguments if item.mark == "+"}
    if len(sums) > 1:
        raise EngramError("rule spec: sums over different axes need a rule each")
    if not any(item.mark for item in arguments):
        raise EngramError("rule spec: nothing receives a result; mark an array with & or +")
