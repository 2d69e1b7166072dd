"""Finds loops that array code can take at once, as one more axis: their turns do not depend on each other.

A turn depends on no other if what it writes of an array lies at the loop's index, as does all that is read
of this array, and if the names that it assigns begin in it. A sum over the turns is allowed too, for array
code adds in index order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .tree import Argmax, Assign, Draw, Expression, If, Load, Loop, Name, Operation, Statement, Store

_TERMS = 1 << 16
"""Terms of a sum that may be held at once, for each replica."""


def independent(loop: Loop) -> bool:
    """Whether the turns of a loop may be taken at once."""
    return isinstance(loop.count, int) and _apart(loop) and not _outer(loop)


def summed(loop: Loop, around: int) -> frozenset[str]:
    """The names into which a loop, whose turns are apart but for that, adds up; empty if it does more.

    Args:
        loop: The loop.
        around: Turns of the loops around it that are taken at once.
    """
    if not isinstance(loop.count, int):
        return frozenset()
    names = _outer(loop)
    sums = [statement for statement in loop.body if _is_sum(statement, names)]
    reads = [name for statement in loop.body for name in _names(statement) if name in names]
    alone = len(sums) == len(names) == len(reads)
    return frozenset(names) if alone and _apart(loop) and around * loop.count <= _TERMS else frozenset()


def _is_sum(statement: Statement, names: set[str]) -> bool:
    match statement:
        case Assign(name=Name(id=id), value=Operation(name="+", args=(Name(id=total), _))):
            return id == total and id in names
    return False


def _outer(loop: Loop) -> set[str]:
    """Names assigned in a loop that begin before it."""
    assigned = [part for part in _walk(loop.body) if isinstance(part, Assign)]
    return {part.name.id for part in assigned} - {part.name.id for part in assigned if part.new}


def _apart(loop: Loop) -> bool:
    """Whether no turn reads or writes elements that another writes."""
    parts = list(_walk(loop.body))
    if any(isinstance(part, Draw | Argmax) for part in parts):
        return False
    places = [(part.array, part.index) for part in parts if isinstance(part, Store)]
    written = {array for array, _ in places}
    places += [(load.array, load.index) for part in parts for load in _loads(part) if load.array in written]
    return all(_common(loop, [index for name, index in places if name == array]) for array in written)


def _common(loop: Loop, indices: list[tuple[Expression, ...]]) -> bool:
    """Whether all these places have the loop's index along the same axis."""
    return any(all(part == loop.index for part in parts) for parts in zip(*indices, strict=True))


def _walk(statements: Iterable[Statement]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        match statement:
            case If(then=then, otherwise=otherwise):
                yield from _walk((*then, *otherwise))
            case Loop(body=body):
                yield from _walk(body)


def _expressions(statement: Statement) -> tuple[Expression, ...]:
    """What a statement itself works out."""
    match statement:
        case Assign(value=value):
            return (value,)
        case Store(index=index, value=value):
            return (*index, value)
        case If(test=test):
            return (test,)
    return ()


def _within(value: Expression) -> Iterator[Expression]:
    yield value
    match value:
        case Load(index=parts) | Operation(args=parts):
            for part in parts:
                yield from _within(part)


def _loads(statement: Statement) -> Iterator[Load]:
    for value in _expressions(statement):
        yield from (part for part in _within(value) if isinstance(part, Load))


def names_in(value: Expression) -> Iterator[str]:
    """The names that an expression reads."""
    return (found.id for found in _within(value) if isinstance(found, Name))


def _names(statement: Statement) -> Iterator[str]:
    """Names that a statement, or one within it, reads."""
    for part in _walk([statement]):
        for value in _expressions(part):
            yield from names_in(value)
