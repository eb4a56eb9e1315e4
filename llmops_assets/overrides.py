"""Overrides: who lets a red gate through, and why. What was said becomes a row of the verdict that it is about.

`Ana: a preview for one customer` ->
{"asset": "eval_report", "name": "Ana", "reason": "a preview for one customer", "at": "2026-11-29T10:00:00+00:00",
 "gates": ["accuracy"]}
"""

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from llmops_assets.errors import GateError

RED = "#cf222e"


class Override(BaseModel):
    """What a person says at the launch of a run, to let red gates through in that run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    reason: str

    def used(self, asset: str, gates: Sequence[str]) -> "OverrideRecord":
        """The record of its use, now."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return OverrideRecord(asset=asset, name=self.name, reason=self.reason, at=at, gates=tuple(gates))


class OverrideRecord(BaseModel):
    """An override as it was used.

    Attributes:
        asset: whose verdict was red.
        at: when, for people: nothing is decided by it.
        gates: the blocking gates that had not passed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    asset: str
    name: str
    reason: str
    at: str
    gates: tuple[str, ...]

    @property
    def line(self) -> str:
        """One line for people."""
        return (
            f"RED, let through by {self.name} on {self.at[:10]}: {self.reason} ({self.asset}: {', '.join(self.gates)})"
        )

    @property
    def markdown(self) -> str:
        """The line in red, where the reader's page has colours; in bold, where it has none."""
        return f'<span style="color:{RED}">**{html.escape(self.line)}**</span>'

    def repeats(self, other: "OverrideRecord") -> bool:
        """Whether it says the same, at another time."""
        return self.model_copy(update={"at": other.at}) == other


def read_override(text: str) -> Override | None:
    """Reads `Name: reason`; None where nothing was given.

    Raises:
        GateError: the name or the reason is missing.
    """
    if not text:
        return None
    name, _, reason = (_plain(part) for part in text.partition(":"))
    if not (_says_something(name) and _says_something(reason)):
        raise GateError(
            f'expected an override as "Name: reason", got {_plain(text)!r}; '
            "say who lets the red gate through, and why; nothing was run"
        )
    return Override(name=name, reason=reason)


def _plain(text: str) -> str:
    """On one line, without control characters: it is shown in terminals and on pages."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _says_something(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
