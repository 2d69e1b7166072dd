"""What `engram doctor` finds."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.define
class Report:
    """What was found.

    Attributes:
        facts: Versions and devices by name.
        problems: What does not work, one line each, with the remedy.
        hints: What could be added, one line each.
        failed_plugins: Whether a problem is a plugin.
    """

    facts: dict[str, Any] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    hints: list[str] = attrs.field(factory=list)
    failed_plugins: bool = False
