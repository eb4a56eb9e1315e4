"""Smoke tests: what an answer says, not that there is one."""

import json
from typing import Any

from llmops_assets.recipes.deployment import SmokeTest


def check_answer(test: SmokeTest, text: str) -> str:
    """Why an answer is wrong; empty where it is right. Case does not count, a test without content wants any answer."""
    if not text.strip():
        return "the answer is empty"
    if test.contains and test.contains.casefold() not in text.casefold():
        return f"expected {test.contains!r} in the answer, got {text[:80]!r}"
    return _check_keys(test.expect, text) if test.expect else ""


def _check_keys(expect: dict[str, str], text: str) -> str:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        return f"expected a JSON object, got {text[:80]!r}"
    for key, wanted in expect.items():
        if _plain(answer.get(key)) != _plain(wanted):
            return f"expected {key} {wanted!r}, got {answer.get(key)!r}"
    return ""


def _plain(value: Any) -> str:
    return " ".join((value if isinstance(value, str) else json.dumps(value)).casefold().split())
