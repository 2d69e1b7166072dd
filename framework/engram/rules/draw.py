"""What a draw is made of: words of Philox, and the arithmetic that makes numbers of them.

The same as `philox.uniform`, `normal` and `integers`, one replica at a time.
"""

from __future__ import annotations

import math

from .arithmetic import operation
from .tree import Blocks, Constant, Expression, Name

_LOW_WORDS = 1 << 31


def words(names: tuple[Name, ...], method: str, double: bool) -> tuple[Blocks, list[tuple[Name, Name]]]:
    """Return the blocks of words that a draw needs, each with its four names, and the words of each number.

    Args:
        names: Names of the numbers drawn.
        method: "uniform", "normal" or "integers".
        double: Whether floats have 64 bits; then they need the second word, too.
    """
    count = math.ceil(len(names) / 4)
    tag = names[0].id
    upper = [(block, _names(tag, block)) for block in range(count)]
    lower = [(_LOW_WORDS + block, _names(f"{tag}_low", block)) for block in range(count)]
    wide = double and method != "integers"
    first = [name for _, part in upper for name in part]
    second = [name for _, part in lower for name in part] if wide else first
    return upper + (lower if wide else []), list(zip(first, second, strict=True))[: len(names)]


def _names(tag: str, block: int) -> tuple[Name, ...]:
    return tuple(Name(f"{tag}_word{4 * block + lane}", "int") for lane in range(4))


def integer(word: Name, n: int) -> Expression:
    """An integer 0 .. n - 1."""
    return operation(">>", operation("*", word, Constant(n, "int")), Constant(32, "int"))


def uniform(word: Name, more: Name, double: bool) -> Expression:
    """A number in [0, 1)."""
    upper = operation("*", operation("real", _shift(word, 8)), Constant(2.0**-24, "float"))
    if not double:
        return upper
    return operation(
        "+", upper, operation("*", operation("real", _shift(more, 3)), Constant(2.0**-53, "float"))
    )


def offset(word: Name, more: Name, double: bool) -> Expression:
    """The distance of the probability from one half: an odd number of halves of the finest step."""
    number = _shift(word, 8)
    if double:
        number = operation("|", operation("<<", number, Constant(29, "int")), _shift(more, 3))
    width = 53 if double else 24
    odd = operation(
        "-", operation("+", operation("+", number, number), Constant(1, "int")), Constant(1 << width, "int")
    )
    return operation("*", operation("real", odd), Constant(2.0 ** -(width + 1), "float"))


def _shift(word: Name, places: int) -> Expression:
    return operation(">>", word, Constant(places, "int"))
