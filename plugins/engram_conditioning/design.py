"""The short notation of designs: "10A(US)/10AB 1#B".

After the R package calmr (Navarro 2024), and the tables of papers on associative learning:

    /        between phases
    10A      ten trials with stimulus A; 10AB with A and B together; 10(tone) with a stimulus of a longer name
    (US)     the outcome
    1#A      a probe, in which nothing is learnt
    !        before a phase: its trials in random order, the numbers of each type exact

Phases run in the order written. A list of designs has one for each group of replicas.
"""

from __future__ import annotations

import re
from typing import Any

OUTCOME = "US"
_TRIALS = re.compile(r"[\s_]*(\d+)(#?)((?:[A-Za-z]|\([A-Za-z][\w -]*\))+)[\s_]*")
_EVENT = re.compile(r"\(([^)]*)\)|([A-Za-z])")


def expanded(
    designs: tuple[str, ...], cue_at: float, cue_duration: float | None, outcome_at: float | None
) -> dict[str, Any]:
    """Return the tables stimuli, outcomes, types and phases that designs stand for.

    Args:
        designs: One for each group.
        cue_at: Time of all stimuli in s.
        cue_duration: How long they last in s; one step if None.
        outcome_at: Time of the outcome in s.

    Raises:
        ValueError: A design cannot be read, or the time of its outcome is missing; one line that says where.
    """
    phases: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for group, text in enumerate(designs):
        for number, part in enumerate(_phases(text)):
            shuffled, sequence = part
            names |= dict.fromkeys(sequence)
            own = {"groups": [group]} if len(designs) > 1 else {}
            order = "shuffled" if shuffled else "given"
            phases.append({"name": f"{number + 1}", "order": order, "sequence": sequence, **own})
    shown = {event: None for name in names for event in _events(name)}
    if OUTCOME in shown and outcome_at is None:
        raise ValueError("design: has an outcome, but no time for it; add outcome_at")
    timing = {"at": cue_at} if cue_duration is None else {"at": cue_at, "duration": cue_duration}
    return {
        "stimuli": [{"name": event} for event in shown if event != OUTCOME],
        "outcomes": [{"name": OUTCOME}] if OUTCOME in shown else [],
        "types": [_type(name, timing, outcome_at) for name in names],
        "phases": phases,
    }


def _type(name: str, timing: dict[str, float], outcome_at: float | None) -> dict[str, Any]:
    events = [
        {"outcome": event, "at": outcome_at} if event == OUTCOME else {"stimulus": event, **timing}
        for event in _events(name)
    ]
    return {"name": name, "events": events, "learn": not name.startswith("#")}


def _events(name: str) -> list[str]:
    return [long or short for long, short in _EVENT.findall(name)]


def _phases(text: str) -> list[tuple[bool, list[str]]]:
    """Return whether each phase is shuffled, and its types in order."""
    found, start = [], 0
    for part in text.split("/"):
        place = start + len(part) - len(part.lstrip())
        shuffled = part.lstrip().startswith("!")
        found.append((shuffled, _sequence(text, place + shuffled, start + len(part))))
        start += len(part) + 1
    return found


def _sequence(text: str, place: int, end: int) -> list[str]:
    sequence: list[str] = []
    while place < end or not sequence:
        trials = _TRIALS.match(text, place, end)
        if trials is None or int(trials[1]) == 0:
            where = f"{text[place:end].strip()!r} at character {place + 1} of {text!r}"
            raise ValueError(f"design: cannot read {where}; write 10A, 10AB(US) or 1#A")
        sequence += [trials[2] + trials[3]] * int(trials[1])
        place = trials.end()
    return sequence
