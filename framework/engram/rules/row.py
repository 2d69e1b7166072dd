"""Operations on a row of numbers that are one call as array code, and a loop everywhere else."""

from __future__ import annotations

from typing import Any


def argmax(row: Any) -> Any:
    """The place of the largest number along the last axis, the first of equal ones; a nan is above all."""
    return row.argmax(axis=-1)


def scalar_argmax(row: Any) -> Any:
    """The same, number by number."""
    place = 0
    largest = row[0]
    for index in range(len(row)):
        if row[index] > largest or (row[index] != row[index] and largest == largest):
            place = index
            largest = row[index]
    return place
