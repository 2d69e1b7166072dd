"""Draws a computed analysis into a file: a picture, or an animation frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engram_cli.failure import Failure

if TYPE_CHECKING:
    from engram import Analysis
    from engram.plugins import Registry

MOVING = (".gif", ".mp4")
_TO_INSTALL = "matplotlib is not installed; pip install 'engram[plot]'"


def draw(registry: Registry, analysis: Analysis, result: Any, file: Path, rate: int) -> None:
    """Draw a computed analysis.

    Args:
        registry: The plugins.
        analysis: Which.
        result: What it computed.
        file: What to write; the suffix says whether it moves.
        rate: Frames per second of an animation.

    Raises:
        Failure: matplotlib or ffmpeg is missing, the analysis draws nothing of this kind or fails, or the
            file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise Failure(f"plot: {_TO_INSTALL}", 2) from None
    figure = Figure(layout="constrained")
    label = registry.owner("analysis", analysis.name).label
    try:
        if file.suffix.lower() in MOVING:
            _move(analysis, label, result, figure, file, rate)
        else:
            _still(analysis, label, result, figure, file)
    except OSError as error:
        reason = error.strerror or error
        raise Failure(f"{file}: cannot be written ({reason}); choose another place", 2) from error


def _still(analysis: Analysis, label: str, result: Any, figure: Any, file: Path) -> None:
    if analysis.picture is None:
        raise Failure(f"analysis {analysis.name!r}: draws nothing; print its numbers with --json", 2)
    known = [f".{kind}" for kind in figure.canvas.get_supported_filetypes()]
    known += MOVING if analysis.animation else ()
    if file.suffix.lower() not in known:
        raise Failure(f"{file}: not a kind of picture; known: {', '.join(dict.fromkeys(known))}", 2)
    _blamed(analysis, label, lambda: analysis.picture(result, figure))  # type: ignore[misc]
    figure.savefig(file)


def _move(analysis: Analysis, label: str, result: Any, figure: Any, file: Path, rate: int) -> None:
    if analysis.animation is None:
        raise Failure(f"{file}: analysis {analysis.name!r} does not move; write a .png", 2)
    writer = _writer(file, rate)
    frames = iter(_blamed(analysis, label, lambda: analysis.animation(result, figure)))  # type: ignore[misc]
    end = object()
    try:
        with writer.saving(figure, str(file), figure.dpi):
            while _blamed(analysis, label, lambda: next(frames, end)) is not end:
                writer.grab_frame()
    except Failure:
        file.unlink(missing_ok=True)
        raise


def _writer(file: Path, rate: int) -> Any:
    from matplotlib.animation import FFMpegWriter, PillowWriter

    if file.suffix.lower() == ".gif":
        return PillowWriter(fps=rate)
    if not FFMpegWriter.isAvailable():
        raise Failure(f"{file}: ffmpeg is not installed, which makes .mp4; install it, or write a .gif", 2)
    return FFMpegWriter(fps=rate)


def _blamed(analysis: Analysis, label: str, act: Callable[[], Any]) -> Any:
    """Do what the plugin's code does; a failure names the plugin."""
    try:
        return act()
    except Exception as error:
        raise Failure(f"analysis {analysis.name!r} of {label}: {type(error).__name__}: {error}", 3) from error
