"""A synapse for networks under test: M-STDP with eligibility as Florian 2007 writes it, held within bounds of either sign."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import engram


@engram.rule("w[b,i,j]& z[b,i,j]& x[b,i] y[b,j] p[b,i] q[b,j] m[b] low[b,i] high[b,i]; kept scale gamma")
def florian(w, z, x, y, p, q, m, low, high, kept, scale, gamma):
    z = z * kept + (p * y - q * x) * scale
    w = min(max(w + gamma * m * z, low), high)
    return w, z


@engram.rule("w[b,i,j] x[b,i] y[b,j]+")
def passed(w, x):
    return w * x


@engram.state
class PlainState:
    w: Any = engram.array("pre", "post", unit="mV", doc="weight")
    z: Any = engram.array("pre", "post", doc="eligibility")
    x: Any = engram.array("pre", doc="trace of pre")
    y: Any = engram.array("post", doc="trace of post")
    low: Any = engram.fixed(per_replica=True)
    high: Any = engram.fixed(per_replica=True)


@engram.parameters
class Plain(engram.Synapse):
    """M-STDP with eligibility."""

    name = "plain-for-tests"
    gamma: float = engram.param(default=0.625, doc="learning rate")
    bound: float = engram.param(default=5.0, doc="largest weight")
    inhibitory: bool = engram.param(default=False, doc="the second half of the inputs is inhibitory")
    weight: float | None = engram.param(default=None, doc="initial weight; uniform within bounds if absent")

    def init(self, ctx: engram.Context, n_pre: int, n_post: int) -> PlainState:
        sign = np.ones(n_pre)
        if self.inhibitory:
            sign[n_pre // 2 :] = -1
        low, high = ctx.array(np.minimum(sign, 0) * self.bound), ctx.array(np.maximum(sign, 0) * self.bound)
        state = ctx.state(PlainState, sizes={"pre": n_pre, "post": n_post}, low=low, high=high)
        draw = ctx.random("w").uniform(n_pre, n_post)
        state.w[...] = (
            low[:, :, None] + (high - low)[:, :, None] * draw if self.weight is None else self.weight
        )
        return state

    def propagate(self, state: PlainState, pre: Any) -> Any:
        xp = engram.array_module(pre)
        out = xp.zeros_like(state.y)
        passed(state.w, pre, out)
        return out

    def learn(self, state: PlainState, pre: Any, post: Any, modulator: Any) -> None:
        trace = math.exp(-1 / 20)
        state.x[...] = state.x * trace + pre
        state.y[...] = state.y * trace + post
        florian(
            state.w, state.z, pre, post, state.x, state.y, modulator, state.low, state.high,
            math.exp(-1 / 25), 1 / 25, self.gamma,
        )  # fmt: skip


@pytest.fixture
def plain() -> type[Plain]:
    return Plain
