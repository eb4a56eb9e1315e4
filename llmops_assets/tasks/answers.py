"""Answers as text -> the JSON that most of them are: leniently where rows are counted, strictly where they are judged."""

import json
from typing import Any


def json_object(text: Any) -> dict[str, Any]:
    """The object that an answer's text is; empty where it is none, or nested deeper than Python reads."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def strict_value(text: str) -> Any:
    """The one JSON value that a text is; None where it is none, names a key twice, or is nested deeper than Python reads."""
    try:
        return json.loads(text.strip(), object_pairs_hook=_named_once)
    except (ValueError, RecursionError):
        return None


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two equal keys they take, so an answer that has both means nothing for certain."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"expected every key once, got {', '.join(name for name, _ in pairs)}")
    return found
