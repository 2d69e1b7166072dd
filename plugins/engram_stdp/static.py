"""Weights that do not learn."""

from __future__ import annotations

import engram
from engram import Array, Context

from .dense import Dense, Weights


@engram.parameters
class Static(Dense):
    """Dense weights with delays, which stay as they begin."""

    name = "static"

    def init(self, ctx: Context, n_pre: int, n_post: int) -> Weights:
        """Draw weights, connections and delays."""
        return ctx.state(Weights, **self.connection(ctx, n_pre, n_post))

    def propagate(self, state: Weights, pre: Array) -> Array:
        """Return the weighted sum of what arrives."""
        return self.drive(state, pre)

    def learn(self, state: Weights, pre: Array, post: Array, modulator: Array) -> None:
        """Nothing changes."""
