"""Operations on a row of numbers that are one call as array code, and a loop everywhere else."""

from __future__ import annotations

from typing import Any


def scalar_argmax(row: Any) -> Any:
    """The place of the largest number of a row, number by number."""
    place = 0
    largest = row[0]
    for index in range(len(row)):
        if row[index] > largest or (row[index] != row[index] and largest == largest):
            place = index
            largest = row[index]
    return place


class RowArgmax:
    """The place of the largest number of a row, the first of equal ones; a nan is above all."""

    scalar_function = staticmethod(scalar_argmax)

    def __call__(self, array: Any) -> Any:
        """Find it in each row along the last axis.

        Args:
            array: (..., n).

        Returns:
            (...) int64 in 0 .. n - 1.
        """
        return array.argmax(axis=-1)


argmax = RowArgmax()
