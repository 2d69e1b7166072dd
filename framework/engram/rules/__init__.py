"""Arithmetic with the same bits on every device."""

from . import exact as exact
from . import philox as philox
