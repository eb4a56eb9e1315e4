"""Small changes of a to-do command, of which its damages are made: a key dropped, changed, or added."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from llmops_assets.tasks.mutation import compact

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


def changed(change: Change) -> Callable[[str, Mapping[str, Any]], str | None]:
    """A damage to the object, written in the order of its keys."""

    def make(text: str, _: Mapping[str, Any]) -> str | None:
        found = change(json.loads(text))
        return None if found is None else compact(found)

    return make


def without(key: str, *, whole: bool = False) -> Change:
    """Drops a key; `whole` leaves alone what would be no valid answer without it: a change of a task with nothing to change."""

    def change(gold: dict[str, str]) -> dict[str, Any] | None:
        rest = {name: word for name, word in gold.items() if name != key}
        return None if key not in gold or (whole and gold["action"] == "update" and len(rest) < 3) else rest

    return change


def with_value(key: str, value: Callable[[str], Any]) -> Change:
    """Changes a key's value, where there is one and the new one differs."""

    def change(gold: dict[str, str]) -> dict[str, Any] | None:
        found = value(gold[key]) if key in gold else None
        return None if found is None or found == gold[key] else {**gold, key: found}

    return change


def invented(key: str, value: str, actions: tuple[str, ...]) -> Change:
    """Adds a key that nobody asked for to these actions."""
    return lambda gold: {**gold, key: value} if gold["action"] in actions and key not in gold else None
