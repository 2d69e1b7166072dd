"""Has a file from a stranger read in a process of its own.

HDF5 is known to crash and to hang on damaged files. In a child with limits neither harms the caller: it
learns what happened as a `FormatError`, or as a finding.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import attrs

from engram_hdf5.errors import Finding, FormatError

# Each thread of a linear algebra library reserves memory that counts against the limit.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MOST_NOTES = 20


@attrs.frozen
class Limits:
    """What reading a file may cost; those of time begin anew with each block of data that was read.

    Attributes:
        memory: Address space in bytes, where the system can limit it.
        processor: Processor time in s, where the system can limit it.
        wall: Time in s.
    """

    memory: int = 4 << 30
    processor: int = 20
    wall: float = 30.0


LIMITS = Limits()


def judge(path: str | os.PathLike[str], *, data: bool = True, limits: Limits = LIMITS) -> list[Finding]:
    """Check a file in a process of its own: the way to look at a file that a stranger made.

    Args:
        path: The file.
        data: Whether to read all data, too, and so find damaged chunks.
        limits: What it may cost.

    Returns:
        What `validate` finds; for a file that crashes HDF5 also `E_CRASH`, for one that exceeds a limit
        `E_LIMIT`, after what was found until then.
    """
    found = []
    try:
        for message in messages("engram_hdf5.judging", path, limits, data=data):
            found.append(Finding(*message["finding"]))
    except FormatError as error:
        found.append(Finding(error.code, "/", str(error)))
    return found


def check_sound(path: str | os.PathLike[str]) -> None:
    """Refuse a file that is broken or harmful, before this process opens it. Its data are not read.

    Args:
        path: The file, which may come from a stranger.

    Raises:
        FormatError: The judge finds an error.
    """
    refuse_errors(path, judge(path, data=False))


def refuse_errors(path: str | os.PathLike[str], findings: Iterable[Finding]) -> None:
    """Refuse a file of which errors were found.

    Args:
        path: The file.
        findings: What was found; warnings do no harm.

    Raises:
        FormatError: With the first error; the next ones are its notes.
    """
    errors = [finding for finding in findings if finding.is_error]
    if not errors:
        return
    place, first = os.fspath(path), errors[0]
    text = first.message if first.message.startswith(place) else f"{place}: {first}"
    remedy = "" if ";" in text else "; `engram validate` lists what is wrong"
    refusal = FormatError(f"{text}{remedy}", first.code)
    for finding in errors[1:_MOST_NOTES]:
        refusal.add_note(str(finding))
    if len(errors) > _MOST_NOTES:
        refusal.add_note(f"and {len(errors) - _MOST_NOTES} more; `engram validate` lists them")
    raise refusal


def messages(
    module: str, path: str | os.PathLike[str], limits: Limits = LIMITS, **request: Any
) -> Iterator[dict[str, Any]]:
    """Run a module in a child and pass on what it answers.

    Args:
        module: The module; it calls `engram_hdf5.confinement.answer`.
        path: The file that it reads.
        limits: What it may cost.
        request: What else it is told; JSON.

    Yields:
        Its messages.

    Raises:
        FormatError: The child gave up, died, or exceeded a limit.
    """
    asked = {"path": os.fspath(path), "limits": attrs.asdict(limits), **request}
    # -P: a module that lies beside the file must not be imported.
    command = [sys.executable, "-P", "-m", module, json.dumps(asked)]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=_environment(module), stdout=subprocess.PIPE, **pipes) as child:
        lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_forward, args=(child.stdout, lines), daemon=True)
        reader.start()
        try:
            yield from _answers(child, lines, Path(path), limits)
        finally:
            child.kill()
            reader.join()


def _answers(
    child: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None], path: Path, limits: Limits
) -> Iterator[dict[str, Any]]:
    try:
        while (line := lines.get(timeout=limits.wall)) is not None:
            message = _parsed(line)
            if "end" in message:
                return
            if "refusal" in message:
                raise FormatError(*message["refusal"])
            if "alive" not in message:
                yield message
        code = child.wait(timeout=limits.wall)
    except (queue.Empty, subprocess.TimeoutExpired):
        text = f"{path}: HDF5 hung: nothing came for {limits.wall:g} s; do not open it, get it again"
        raise FormatError(text, "E_LIMIT") from None
    raise _death(path, code, limits)


def _death(path: Path, code: int, limits: Limits) -> FormatError:
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
    if name == "SIGXCPU":
        text = f"reading it takes more than {limits.processor} s of processor time"
        return FormatError(f"{path}: {text}; do not open it, get it again", "E_LIMIT")
    if name == "SIGKILL":
        return FormatError(f"{path}: reading it was stopped from outside; is memory short?", "E_LIMIT")
    return FormatError(f"{path}: HDF5 crashed on it ({name}); do not open it, get it again", "E_CRASH")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        # A child whose memory was overwritten may write anything.
        message = None
    return message if isinstance(message, dict) else {"alive": False}


def _forward(stream: IO[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    """Pass lines on; a pipe cannot be read with a time limit on every system, a queue can."""
    for line in stream:
        lines.put(line)
    lines.put(None)


def _environment(module: str) -> dict[str, str]:
    spec = importlib.util.find_spec(module.partition(".")[0])
    home = str(Path(spec.origin).parent.parent) if spec and spec.origin else ""
    places = [home, os.environ.get("PYTHONPATH", "")]
    kept = {name: text for name, text in os.environ.items() if name != "HDF5_PLUGIN_PATH"}
    threads = dict.fromkeys(_ONE_THREAD, "1")
    python = {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    # "::" is HDF5's word for: load no filter plugins at all.
    return {**kept, **threads, **python, "HDF5_PLUGIN_PRELOAD": "::"}
