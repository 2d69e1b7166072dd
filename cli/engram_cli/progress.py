"""What a run says of itself while it goes: a line at the start, progress on a terminal, a line at the end."""

from __future__ import annotations

import math
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engram_cli.interruption import Interruption
from engram_cli.show import say

if TYPE_CHECKING:
    from engram import Recipe
    from engram.engine import Run

_INTERVAL = 0.1


class Progress:
    """Writes one line over itself: percent, speed, time left. Silent where stderr is no terminal.

    Args:
        quiet: True to stay silent anywhere.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.step = 0
        self._shown = not quiet and sys.stderr.isatty()
        self._last = 0.0

    def __call__(self, run: Run, seconds: float) -> None:
        """Take note of a finished chunk.

        Args:
            run: The run.
            seconds: Time since its first step.
        """
        self.step = run.step
        now = time.monotonic()
        if self._shown and now - self._last >= _INTERVAL:
            self._last = now
            sys.stderr.write(f"\r\x1b[K{progress_line(run.step, run.recipe.run.steps, seconds)}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def watched(quiet: bool) -> Iterator[Callable[[Run, float], None]]:
    """Show progress, and stop in good order on a signal; yields what to call after each chunk."""
    progress = Progress(quiet)
    try:
        with Interruption() as interruption:

            def chunk_done(run: Run, seconds: float) -> None:
                interruption.check()
                progress(run, seconds)

            yield chunk_done
    finally:
        progress.clear()


def progress_line(step: int, steps: int | None, seconds: float) -> str:
    """Say how far a run is, how fast it is, and how long it will take."""
    speed = max(step, 1) / max(seconds, 1e-9)
    if steps is None:
        return f"step {step:,}  {speed:,.0f} steps/s"
    left = math.ceil((steps - step) / speed)
    return f"{100 * step / steps:3.0f} %  {speed:,.0f} steps/s  {duration(left)} left"


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    if 0 < seconds < 0.1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 9.5:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def announce(recipe: Recipe, overrides: Iterable[str]) -> None:
    """Say what is about to run, and on what.

    Raises:
        RecipeError: The backend that the recipe asks for does not work here.
    """
    from engram.backend import choose

    backend = choose(recipe.run.backend)
    points = math.prod(len(values) for values in recipe.sweep.values())
    launches = math.prod(len(values) for path, values in recipe.sweep.items() if path not in recipe.folded())
    parts = [
        f"{recipe.run.batch:,} replicas{f' at each of {points:,} sweep points' if recipe.sweep else ''}",
        f"{recipe.run.steps:,} steps" if recipe.run.steps else f"{recipe.run.trials:,} trials",
        f"seed {recipe.run.seed}{' (drawn)' if seed_was_drawn(recipe, overrides) else ''}",
        f"{launches:,} files" if launches > 1 else "",
    ]
    say(f"{recipe.place}: {', '.join(part for part in parts if part)}")
    say(f"{backend.name}: {backend.reason}")


def seed_was_drawn(recipe: Recipe, overrides: Iterable[str]) -> bool:
    """Say whether neither the recipe nor the command line gave the seed."""
    given = any(override.partition("=")[0].strip() == "run.seed" for override in overrides)
    return not given and "seed" not in tomllib.loads(recipe.text).get("run", {})
