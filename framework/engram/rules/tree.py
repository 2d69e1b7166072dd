"""What a rule or a body means, as typed expressions and statements; every target is printed from these.

Kinds of value: "float" (the precision of the run), "int" (64 bits), "bits" (an integer as wide as a float)
and "bool". A name of the author's becomes `name_1`, so that no name of a target can collide with it.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

Kind: TypeAlias = Literal["float", "int", "bits", "bool"]


def spelt(id: str) -> str:
    """A name of the author's in the letters that every compiler knows."""
    return "".join(letter if letter.isascii() else f"u{ord(letter):x}" for letter in id)


@attrs.frozen
class Constant:
    """A number known when the rule is compiled; a float is rounded once to the precision of the target."""

    value: float | int | bool
    kind: Kind


@attrs.frozen
class Name:
    """A scalar held under a name."""

    id: str
    kind: Kind


@attrs.frozen
class Load:
    """One element of an array: of this replica, or of a table that all replicas share."""

    array: str
    index: tuple[Expression, ...]
    kind: Kind


@attrs.frozen
class Operation:
    """An operation on scalars.

    Attributes:
        name: The operator as Python writes it, "neg", "not", "and", "or", "select" (test, then, else),
            "real", "int", "bool", "whole", "bits", "from_bits", "sqrt", "floor", "trunc", "rint" or "abs".
        args: Operands, already of the kinds that the operation takes.
        kind: Kind of the result.
    """

    name: str
    args: tuple[Expression, ...]
    kind: Kind


Expression: TypeAlias = Constant | Name | Load | Operation


@attrs.frozen
class Assign:
    """Give a scalar a value; `new` where it had none before."""

    name: Name
    value: Expression
    new: bool


@attrs.frozen
class Store:
    """Give one element of this replica's array a value."""

    array: str
    index: tuple[Expression, ...]
    value: Expression


@attrs.frozen
class If:
    """Do one thing or another, as a value of the replica says."""

    test: Expression
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@attrs.frozen
class Loop:
    """Repeat for an index 0 .. count - 1, a number known beforehand or worked out before the loop."""

    index: Name
    count: int | Name
    body: tuple[Statement, ...]


@attrs.frozen
class Draw:
    """Draw from a stream: `names` get the numbers.

    Attributes:
        stream: Name of the argument that holds the stream.
        method: "uniform", "normal" or "integers".
        args: What the method is called with.
        words: Blocks of words that the numbers are made of, each with the names of its four words.
        making: What makes the numbers of the words.
    """

    names: tuple[Name, ...]
    stream: str
    method: str
    args: tuple[int, ...]
    words: Blocks
    making: tuple[Statement, ...]


@attrs.frozen
class Argmax:
    """Find the first largest number of a row.

    Attributes:
        name: Gets its place.
        array: Name of the array.
        index: The place of the row: all but the last axis.
        making: What finds it number by number.
    """

    name: Name
    array: str
    index: tuple[Expression, ...]
    making: tuple[Statement, ...]


Blocks: TypeAlias = list[tuple[int, tuple[Name, ...]]]
Statement: TypeAlias = Assign | Store | If | Loop | Draw | Argmax


@attrs.frozen
class Program:
    """A parsed function.

    Attributes:
        name: Its name.
        statements: What it does.
        results: What it returns.
        written: Arguments that it assigns to, or to elements of.
        tables: Arrays of constants that it reads, by name: nested tuples of numbers.
    """

    name: str
    statements: tuple[Statement, ...]
    results: tuple[Expression, ...]
    written: frozenset[str]
    tables: dict[str, Table] = attrs.field(factory=dict)


@attrs.frozen
class Table:
    """Constants indexed at run time.

    Attributes:
        values: All of them, last axis fastest.
        shape: Lengths of the axes.
        kind: "float" or "int".
    """

    values: tuple[float | int, ...]
    shape: tuple[int, ...]
    kind: Kind


@attrs.frozen
class ArrayArgument:
    """An argument that is an array of each replica.

    Attributes:
        shape: Lengths of its axes after the replica's; () for one number.
        kind: Kind of its elements.
    """

    shape: tuple[int, ...]
    kind: Kind


@attrs.frozen
class StreamArgument:
    """An argument that is a stream of random numbers."""
