"""Arithmetic with the same bits on every device."""

from . import exact as exact, philox as philox
