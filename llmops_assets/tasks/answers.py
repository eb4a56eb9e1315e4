"""Answers as text -> the JSON object that most of them are."""

import json
from typing import Any


def json_object(text: Any) -> dict[str, Any]:
    """The object that an answer's text is; empty where it is none, or nested deeper than Python reads."""
    try:
        value = json.loads(text)
    except (TypeError, json.JSONDecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
