"""The report as one HTML file for people: no request leaves it, it reads without scripts, and what was asked or answered stays text."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from llmops_assets.evaluation.drawing import axis, bar, curve

TEMPLATES = Path(__file__).parent / "templates"
LONG = 240
"""Characters of a text that stand open; the rest opens on request."""
LONGEST = 4000
"""Characters of a text that the page holds at all."""
BUDGET = 2_400_000
"""Bytes of failing cases that the page holds; the worst sets come first, and eval_report.json has all."""
CARD, FIELD = 550, 130
"""Bytes that a case takes beside its texts, and each of its fields beside its own."""
SET_ORDER = ("safety", "legitimate", "contract", "natural", "conversation", "several")
MOST_ROWS = 400
"""Rows of a list that may grow with the number of cases."""
TITLES = {
    "accuracy": "Right answers (contract)",
    "accuracy_target": "Target for right answers (contract)",
    "accuracy_model_alone": "Right first answers (contract), without the guard",
    "natural_accuracy": "Right answers (natural)",
    "conversation_accuracy": "Right answers (conversation)",
    "several_accuracy": "Right answers (several actions, notes)",
    "legitimate_accuracy": "Right answers (look-alikes)",
    "format": "Answers in valid form",
    "safety": "Harmful requests stopped or refused",
    "safety_model_alone": "Harmful requests refused, without the guard",
    "preference": "The better answer is likelier",
    "utility": "Requests that were helped",
    "false_refusal": "Harmless look-alikes refused",
    "false_refusal_model_alone": "Harmless look-alikes refused, without the guard",
    "guard_caught": "Harmful requests stopped by the guard",
    "guard_false_blocks": "Helpful requests stopped by the guard",
    "asked_again": "Requests asked again for an answer that can be taken",
    "not_regressed": "No worse than what is deployed, or than the base",
    "latency_p50_s": "Seconds an answer among many, median",
    "latency_p95_s": "Seconds an answer among many, 95% within",
    "latency_alone_p50_s": "Seconds an answer, user alone, median",
    "natural_stop": "Answers that ended by themselves",
}


@dataclass(frozen=True)
class Card:
    """One failing case with everything that a scorer said of it."""

    number: int
    set: str
    id: str
    topic: str
    kinds: tuple[str, ...]
    asked: str
    expected: str
    answered: str
    got: str
    fields: Sequence[Mapping[str, Any]]
    guard: str
    reasons: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """About how much of the page it takes."""
        from markupsafe import escape

        long = (self.asked, self.expected, self.answered)
        short = (*self.reasons, *(field[side][:LONG] for field in self.fields for side in ("expected", "got")))
        heads = [text[:LONG] for text in long if len(text) > LONG]
        texts = [text[:LONGEST] for text in (*long, *short, *heads)]
        return CARD + FIELD * len(self.fields) + sum(len(escape(text).encode()) for text in texts)


def render(report: Mapping[str, Any], overrides: Sequence[str] = ()) -> str:
    """The page of a report.

    Args:
        report: the content of eval_report.json.
        overrides: a line for each red verdict that somebody let through, shown above everything.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(axis=axis, bar=bar, title=title, LONG=LONG, LONGEST=LONGEST, MOST_ROWS=MOST_ROWS)
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.js", "report.css"))
    cards = all_cards(report["failures"])
    shown = affordable(cards)
    return environment.get_template("report.html").render(
        report=report,
        overrides=overrides,
        cuts=report["breakdowns"],
        verdict=verdict_sentence(report),
        cards=shown,
        left_out=len(cards) - len(shown),
        broke=broken(report["regression"], cards, len(shown)),
        matrix=matrix(report["breakdowns"]["confusion"]),
        curve=curve(report["breakdowns"]["latency"]),
        script=Markup(script),
        style=Markup(style),
        script_hash=digest(script),
        style_hash=digest(style),
    )


def digest(text: str) -> str:
    """What a content security policy allows a script or a style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def title(metric: str) -> str:
    """A metric's name for people."""
    if metric not in TITLES and metric.startswith("safety_"):
        return f"Safety, {metric.removeprefix('safety_').replace('_', ' ')}"
    return TITLES.get(metric, metric.replace("_", " ").capitalize())


def verdict_sentence(report: Mapping[str, Any]) -> str:
    """The verdict and what it hangs on, in words."""
    blocking = [row for row in report["gates"] if row["blocking"]]
    missed = [row for row in report["gates"] if not row["blocking"] and row["outcome"] != "passed"]
    failed, undecided = (_named(blocking, outcome) for outcome in ("failed", "undecided"))
    parts = [f"{len(names)} of {len(blocking)} blocking gates {said} ({', '.join(names)})"
             for names, said in ((failed, "failed"), (undecided, "undecided")) if names]  # fmt: skip
    if report["passed"]:
        verdict = f"Ready to ship: all {len(blocking)} blocking gates passed."
    else:
        verdict = f"Not ready to ship: {'; '.join(parts) or 'no verdict'}."
    warned = f" Missed, but only a warning: {'; '.join(title(row['metric']) for row in missed)}." if missed else ""
    return verdict + warned


def _named(rows: Sequence[Mapping[str, Any]], outcome: str) -> list[str]:
    return [title(row["metric"]) for row in rows if row["outcome"] == outcome]


def all_cards(failures: Sequence[Mapping[str, Any]]) -> list[Card]:
    """The failing cases, one card each, what matters most first."""

    def key(row: Mapping[str, Any]) -> tuple[str, str]:
        return row["set"], row["id"]

    groups = [list(rows) for _, rows in groupby(failures, key)]
    groups.sort(key=lambda rows: SET_ORDER.index(rows[0]["set"]) if rows[0]["set"] in SET_ORDER else len(SET_ORDER))
    return [_card(number, rows) for number, rows in enumerate(groups, 1)]


def _card(number: int, rows: Sequence[Mapping[str, Any]]) -> Card:
    first = rows[0]
    names = ("set", "id", "topic", "asked", "expected", "answered", "got", "fields", "guard")
    kinds = tuple(dict.fromkeys(row["kind"] for row in rows))
    reasons = tuple(dict.fromkeys(row["reason"] for row in rows))
    return Card(number=number, kinds=kinds, reasons=reasons, **{name: first[name] for name in names})


def affordable(cards: Sequence[Card], budget: int = BUDGET) -> list[Card]:
    """The first cards that together stay within so many bytes."""
    spent, shown = 0, 0
    for card in cards:
        spent += card.bytes
        if spent > budget:
            break
        shown += 1
    return list(cards[:shown])


def broken(regression: Mapping[str, Any] | None, cards: Sequence[Card], shown: int) -> list[dict[str, Any]]:
    """What the reference got right and this one does not: id, and the card where the page has one."""
    by_id = {card.id: card for card in cards}
    names = [*regression["safety"]["broke"], *regression["broke"]] if regression else []
    return [
        {"id": name, "card": card if card is not None and card.number <= shown else None}
        for name in names
        for card in [by_id.get(name)]
    ]


@dataclass(frozen=True)
class Matrix:
    """A confusion as a square: actions along both sides, counts within, the sum of each row."""

    names: list[str]
    got: list[str]
    counts: dict[tuple[str, str], int]
    sums: dict[str, int]


def matrix(rows: Sequence[Mapping[str, Any]]) -> Matrix | None:
    """Expected actions against given ones; None where answers have no action."""
    if not rows:
        return None
    names = sorted({row["expected"] for row in rows})
    got = [*names, *sorted({row["got"] for row in rows} - set(names))]
    counts = {(row["expected"], row["got"]): row["n"] for row in rows}
    sums = {name: sum(row["n"] for row in rows if row["expected"] == name) for name in names}
    return Matrix(names, got, counts, sums)
