"""What happens within a trial, and the types of trial that events make."""

from __future__ import annotations

import math

import engram

from .distribution import Distribution


@engram.parameters
class Event:
    """A stimulus or an outcome at a time of its trial."""

    stimulus: str | None = engram.param(default=None, doc="name of the stimulus that is shown")
    outcome: str | None = engram.param(default=None, doc="name of the outcome that comes")
    at: Distribution | float | None = engram.param(
        default=None, unit="s", doc="time since the start of the trial; that of a stimulus is a number"
    )
    after: str | None = engram.param(default=None, doc="name of the stimulus that an outcome follows")
    delay: Distribution | float = engram.param(default=0.0, unit="s", doc="time since the onset of `after`")
    duration: float | None = engram.param(
        default=None, gt=0, unit="s", doc="how long the stimulus lasts here; as declared if absent"
    )
    size: Distribution | tuple[float, ...] | float = engram.param(
        default=1.0, doc="size of the outcome; a list holds one for each trial of the schedule"
    )
    probability: float = engram.param(default=1.0, ge=0, le=1, doc="probability that the outcome comes")
    omit: tuple[int, ...] = engram.param(
        default=(), ge=0, doc="numbers, from 0, of trials of the schedule without this outcome"
    )

    def check(self) -> None:
        """A stimulus or an outcome, at one time that is not before the trial."""
        if (self.stimulus is None) == (self.outcome is None):
            raise ValueError("give either stimulus or outcome")
        if self.stimulus is not None and not isinstance(self.at, float):
            raise ValueError(f"stimulus {self.stimulus!r} needs `at`, a time in s")
        if self.stimulus is not None and (self.after, self.size, self.probability, self.omit) != (
            None, 1.0, 1.0, ()
        ):  # fmt: skip
            raise ValueError("after, size, probability and omit belong to outcomes, not to a stimulus")
        if self.outcome is not None and (self.at is None) == (self.after is None):
            raise ValueError(
                f"outcome {self.outcome!r} needs either `at`, or `after` a stimulus with a delay"
            )
        if self.after is None and self.delay != 0:
            raise ValueError("delay counts from a stimulus; name it with `after`")
        if self.outcome is not None and self.duration is not None:
            raise ValueError("duration belongs to a stimulus, not to an outcome")
        if not all(map(math.isfinite, self.sizes)):
            raise ValueError("size must be finite")
        for name, time in (("at", self.at), ("delay", self.delay)):
            low = time.low if isinstance(time, Distribution) else time
            if low is not None and -math.inf < low < 0:
                raise ValueError(f"{name} must be >= 0, not {low:g}")

    @property
    def sizes(self) -> tuple[float, ...]:
        """The sizes that are given as numbers."""
        if isinstance(self.size, Distribution):
            return ()
        return self.size if isinstance(self.size, tuple) else (self.size,)


@engram.parameters
class TrialType:
    """A type of trial: what happens in it, and when."""

    name: str = engram.param(doc="name of the type, such as A+")
    events: tuple[Event, ...] = engram.param(default=(), doc="its stimuli and outcomes")
    learn: bool = engram.param(default=True, doc="False in probes, in which nothing is learnt")
