"""The child's side of `isolation`: takes limits upon itself, works, and answers in lines of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from engram_hdf5.errors import FormatError
from engram_hdf5.isolation import Limits

try:
    import resource
except ImportError:
    # Windows: the parent still limits the time.
    resource = None  # type: ignore[assignment]

_BEAT_S = 1.0

Alive = Callable[[], None]
Work = Callable[[dict[str, Any], Alive], Iterator[dict[str, Any]]]


def answer(work: Work) -> None:
    """Do what the parent asked for on the command line.

    Args:
        work: Is given the request and a function to call after each step forward; yields messages.
    """
    request = json.loads(sys.argv[1])
    limits = Limits(**request.pop("limits"))
    confine(limits)
    try:
        for message in work(request, _pulse(limits)):
            _send(message)
        _send({"end": True})
    except FormatError as error:
        _send({"refusal": [str(error), error.code]})
    except MemoryError:
        text = f"reading it takes more than {limits.memory >> 20} MiB of memory; do not open it"
        _send({"refusal": [f"{request['path']}: {text}", "E_LIMIT"]})
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        _send({"refusal": [f"{request['path']}: cannot be read ({reason}); get it again", "E_OBJECT"]})


def confine(limits: Limits) -> None:
    """Limit this process for good: memory, processor time; no file may be written, no core dumped."""
    sys.dont_write_bytecode = True
    if resource is None:
        return
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, _used() + limits.processor),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _limit(kind, most)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(kind, (soft, hard))
    except (OSError, ValueError):
        # macOS knows RLIMIT_AS and refuses it; the other limits hold.
        return


def _pulse(limits: Limits) -> Alive:
    """Return what tells the parent, about once a second, that work goes on."""
    last = time.monotonic()

    def alive() -> None:
        nonlocal last
        if time.monotonic() - last < _BEAT_S:
            return
        last = time.monotonic()
        if resource is not None:
            _limit(resource.RLIMIT_CPU, _used() + limits.processor)
        _send({"alive": True})

    return alive


def _used() -> int:
    return int(time.process_time()) + 1


def _send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
