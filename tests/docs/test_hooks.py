"""The hook reference lists every hook of the specification with its arguments, and no other."""

from __future__ import annotations

import inspect
import re
from typing import Any

from engram import hookspecs

HOOKS = {
    f"{name}({', '.join(inspect.signature(hook).parameters)})"
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, "engram_spec")
}


def test_every_hook_has_a_heading_with_its_exact_arguments(page: Any) -> None:
    headings = set(re.findall(r"^### `(.+)`$", page("docs/hooks.md").text, re.MULTILINE))

    assert headings == HOOKS
    assert len(HOOKS) == 8


def test_the_examples_run(page: Any, follow: Any, scratch: Any) -> None:
    for block in page("docs/hooks.md").blocks:
        follow(scratch, block)


def test_the_variables_of_the_environment_are_those_of_the_loader(page: Any) -> None:
    from engram import plugins

    known = set(re.findall(r"ENGRAM_[A-Z_]+", inspect.getsource(plugins)))

    assert set(re.findall(r"ENGRAM_[A-Z_]+", page("docs/hooks.md").text)) == known
