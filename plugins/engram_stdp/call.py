"""Procedures bound to the arrays of a state: a step of a connection, or many, in one compiled call."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from engram import Array, EngramError

from .delay import after_delay
from .known_steps import STEPS


class Call:
    """Calls of a procedure with the arrays of one state; where they lie in memory is known from then on.

    Args:
        synapse: Whose state it is.
        state: Whose arrays are taken.
        procedure: Begins with `STATE` and ends with `NUMBERS` and what its evaluation adds.
        given: What is between.
    """

    def __init__(self, synapse: Any, state: Any, procedure: Any, *given: Array) -> None:
        self._held = state.w, getattr(state, "z", None), state.mask, state.learns, state.learning_mask
        self._traces = state.pre_trace, state.post_trace
        none = np.zeros((len(state.w), 0, 0), dtype=state.w.dtype)
        z, beta = (state.z, state.beta) if synapse.waits else (none, state.one)
        self.run = procedure.bind(
            state.w, z, state.pre_trace[:, 0], state.post_trace[:, 0], state.mask, state.learns,
            state.learning_mask, *given, *state.change, state.eta, state.leak, beta, *state.remains,
            *synapse.more(state),
        )  # fmt: skip

    def holds(self, state: Any) -> bool:
        """Whether its arrays are still those of the state."""
        w, z, mask, learns, learning = self._held
        x, y = self._traces
        own = state.w is w and getattr(state, "z", None) is z and state.mask is mask
        traces = state.pre_trace is x and state.post_trace is y
        return own and traces and state.learns is learns and state.learning_mask is learning


class OneCall(Call):
    """The steps of one state, each one call.

    Args:
        synapse: Whose state it is.
        state: Whose arrays are taken.
        procedure: As `dense`.
        forward: Whether it sums what arrives.
    """

    def __init__(self, synapse: Any, state: Any, procedure: Any, *, forward: bool) -> None:
        batch, n_pre, n_post = state.w.shape
        self._shapes = (batch, n_pre), (batch, n_post), (batch,)
        self._name, self._modulated = type(synapse).name, synapse.modulated
        self._arriving, self._pre, self._post, self._modulator, self._drive = state.given
        self._modulator[...] = 1
        self._delayed = forward and bool(state.history.shape[1])
        arriving = self._arriving if self._delayed else self._pre
        super().__init__(synapse, state, procedure, arriving, *state.given[1:])

    def __call__(self, state: Any, pre: Array, post: Array, modulator: Array) -> Array:
        """Take a step.

        Args:
            state: Whose arrays it holds.
            pre: (batch, [1,] pre) spikes.
            post: (batch, [1,] post) likewise.
            modulator: (batch,) what tells good from bad.

        Returns:
            (batch, post), the weighted sum of what arrives.

        Raises:
            EngramError: The shapes do not go together.
        """
        if pre.ndim == 3:
            pre, post = pre[:, 0], post[:, 0]
        if (pre.shape, post.shape, modulator.shape) != self._shapes:
            raise EngramError(
                f"{self._name}: takes spikes and modulators of shapes {self._shapes}, not "
                f"{(pre.shape, post.shape, modulator.shape)}"
            )
        self._pre[...] = pre
        self._post[...] = post
        if self._modulated:
            self._modulator[...] = modulator
        if self._delayed:
            self._arriving[...] = after_delay(state, self._pre[:, None])[:, 0]
        self.run()
        return self._drive.copy()


class KnownSteps(Call):
    """Calls of `known_steps` for one state.

    Args:
        synapse: Whose state it is.
        state: Whose arrays are taken.
        procedure: That of `known_steps`.
    """

    def __init__(self, synapse: Any, state: Any, procedure: Any) -> None:
        batch, n_pre, n_post = state.w.shape
        zeros = functools.partial(np.zeros, dtype=state.w.dtype)
        self._given = [zeros((batch, STEPS, units)) for units in (n_pre, n_post)] + [zeros((batch, STEPS))]
        self._given[2][...] = 1
        self._modulated = synapse.modulated
        self._drive = zeros((batch, STEPS, n_post))
        past = [zeros((batch, STEPS, units)) for units in (n_pre, n_post)]
        super().__init__(synapse, state, procedure, *self._given, self._drive, *past)

    def __call__(self, pre: Array, post: Array, modulator: Array) -> Array:
        """Take `STEPS` steps.

        Args:
            pre: (batch, step, pre) spikes.
            post: (batch, step, post) likewise.
            modulator: (batch, step)

        Returns:
            (batch, step, post), the weighted sums of what arrives.
        """
        given = (pre, post, modulator) if self._modulated else (pre, post)
        for own, array in zip(self._given, given, strict=False):
            own[...] = array
        self.run()
        return self._drive.copy()


class Calls:
    """The calls of one state, bound when they are first needed, and anew when its arrays were replaced.

    Args:
        synapse: Whose state it is.
        procedures: "advance" and "learn"; "settle" where weights wait; "known steps" where many can be taken.
    """

    def __init__(self, synapse: Any, procedures: dict[str, Any]) -> None:
        self._synapse, self._procedures = synapse, procedures
        self._one: dict[str, OneCall] = {}
        self._known: KnownSteps | None = None

    def compiled(self, name: str, w: Array) -> bool:
        """Whether there is such a procedure, and the present target compiles it for these weights."""
        return name in self._procedures and bool(self._procedures[name].compiles(w))

    def one(self, name: str, state: Any) -> OneCall:
        """Return the call that takes a step."""
        call = self._one.get(name)
        if call is None or not call.holds(state):
            for bound in {name, "settle"} & self._procedures.keys():
                self._one[bound] = OneCall(
                    self._synapse, state, self._procedures[bound], forward=bound == "advance"
                )
            call = self._one[name]
        return call

    def known_steps(self, state: Any) -> KnownSteps:
        """Return the call that takes `STEPS` steps."""
        if self._known is None or not self._known.holds(state):
            self._known = KnownSteps(self._synapse, state, self._procedures["known steps"])
        return self._known

    def settle(self, state: Any) -> None:
        """Let weights that wait take the steps that they lack."""
        if "settle" in self._one:
            self.one("settle", state).run()
