"""From perceived changes to a state number: equations (1) and (2) of the gain memory."""

from __future__ import annotations

from engram import Array, array_module


def bins(change: Array, width: Array | float, per_side: int) -> Array:
    """Return the bin 0 .. 2k of each perceived change, equation (1).

    A change on a threshold stays in the inner bin.

    Args:
        change: (..., stimulus) perceived change dX.
        width: Width Delta of a bin, broadcast to `change`.
        per_side: Bins k on either side of the middle one.

    Returns:
        (..., stimulus) int64.
    """
    found = array_module(change).full(change.shape, per_side, dtype="int64")
    for count in range(1, per_side + 1):
        threshold = count * width
        found += change > threshold
        found -= change < -threshold
    return found


def every_stimulus(bins: Array, levels: int) -> Array:
    """Return (...) the row of `bins` (..., stimulus) among all combinations, last stimulus fastest, eq. (2)."""
    number = bins[..., 0]
    for stimulus in range(1, bins.shape[-1]):
        number = number * levels + bins[..., stimulus]
    return number


def last_stimulus(bins: Array, levels: int) -> Array:
    """Return (...) the row (b, ..., b), where b is the bin of the last stimulus: larvaworld's state."""
    diagonal = sum(levels**stimulus for stimulus in range(bins.shape[-1]))
    return bins[..., -1] * diagonal
