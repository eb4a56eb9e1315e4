"""The words of a docstring: whether a summary is a finished sentence about the code, and what declines instead."""

import re
from collections.abc import Sequence

from llmops_assets.tasks.signature import stems

DECLINING = re.compile(
    r"(?:i'm|i am|we're|we are)\s+(?:sorry|unable|afraid|not able)|sorry\b|unfortunately\b|as an ai\b"
    r"|(?:i|we)\s+(?:can't|cannot|can not|can only|won't|will not|could not|couldn't|must decline)\b",
    re.IGNORECASE,
)
"""How prose that declines begins: in the place of a summary it is no docstring."""
MIN_DISTINCT = 0.6
UNWRITTEN = re.compile(r"(?:TODO|FIXME|TBD)\b")


def declines(summary: str) -> bool:
    """Whether a summary is prose that declines, as `I'm sorry, but I can't help with that` does."""
    return DECLINING.match(summary.replace("\u2019", "'")) is not None


def badly_said(summary: str, entries: Sequence[str]) -> str:
    """What no finished docstring has, whatever its words; empty where nothing is.

    Args:
        summary: its first line.
        entries: what is said of arguments, result and errors.
    """
    words = [word.casefold() for word in re.findall(r"\w+", summary)]
    if UNWRITTEN.match(summary) or summary.isupper() or summary[:1].islower():
        return f"summary: expected a sentence, got {summary!r}"
    if re.search(r"[.!?] +[A-Z]", summary):
        return f"summary: expected one sentence, got {summary!r}"
    if len(words) > 3 and len(set(words)) < MIN_DISTINCT * len(words):
        return f"summary: says the same words again: {summary!r}"
    cut = [said for said in entries if not said.endswith(".")]
    return f"expected a full stop, got an entry that ends with {cut[0][-20:]!r}" if cut else ""


def grounded(summary: str, ground: str) -> float:
    """The share of a summary's words that the code (or a person's docstring) has too."""
    words = stems(summary)
    return len(words & stems(ground)) / len(words) if words else 0.0
