"""One message: what happened to which version of which product, its gates, and where to look.

{"id": "5b1d...", "event": "gate_failed", "product": "TaskMaster", "version": "1.1.0", "headline": "red: accuracy of eval_report",
 "details": ["accuracy 0.62, wanted >= 0.85"], "gates": [{"metric": "accuracy", ...}], "link": "http://127.0.0.1:3000/...",
 "at": "2026-11-29T03:10:00+00:00"}
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmops_assets.storage.atomic import sha256_json

Event = Literal["run_failed", "gate_failed", "version_released", "run_ended", "test"]
LONGEST_LINE = 300
MOST_LINES = 20


@dataclass(frozen=True)
class Message:
    """What a channel carries.

    Attributes:
        headline: one line, without product and version.
        details: more lines, the most important first.
        gates: rows of a verdict.
        link: the page to look at.
        at: when it was noticed, ISO 8601.
    """

    event: Event
    product: str
    version: str
    headline: str
    at: str
    details: tuple[str, ...] = ()
    gates: tuple[Mapping[str, Any], ...] = ()
    link: str = ""

    @property
    def id(self) -> str:
        """The same for the same message, so that a receiver knows one that comes twice."""
        return sha256_json(asdict(self))[:16]

    @property
    def title(self) -> str:
        """Product, version and headline on one line."""
        return one_line(f"{self.product} {self.version}: {self.headline}")

    @property
    def lines(self) -> list[str]:
        """The details, cut to what a person reads."""
        rest = len(self.details) - MOST_LINES
        return [one_line(line) for line in self.details[:MOST_LINES]] + ([f"and {rest} more"] if rest > 0 else [])

    @property
    def text(self) -> str:
        """All of it as plain text."""
        parts = [[self.title], self.lines, gate_table(self.gates), [self.link]]
        return "\n\n".join("\n".join(part) for part in parts if any(part))

    def to_json(self) -> dict[str, Any]:
        """As a webhook gets it, and as it is kept until it is delivered."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Message":
        """The message that `to_json` wrote."""
        values = {name: value for name, value in stored.items() if name != "id"}
        return cls(**{**values, "details": tuple(stored["details"]), "gates": tuple(stored["gates"])})


def one_line(text: str) -> str:
    """Text on one line, cut where it is endless."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_LINE else f"{flat[: LONGEST_LINE - 1]}…"


def gate_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows of a verdict as lines of a table; none for none."""
    if not rows:
        return []
    lines = [f"{'gate':<18}{'value':>8}  {'threshold':<10}{'n':>5}  {'95% interval':<18}outcome"]
    for row in rows:
        value = "unscored" if row["value"] is None else f"{row['value']:.3f}"
        interval = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        outcome = row["outcome"] if row["blocking"] else f"{row['outcome']} (warning only)"
        lines.append(f"{row['metric']:<18}{value:>8}  {row['threshold']:<10}{row['n']:>5}  {interval:<18}{outcome}")
    return lines
