"""A comparison as lines for the terminal and as one self-contained page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets.evaluation.comparison import Comparison, Flip, GateRow
from llmops_assets.evaluation.paired_sets import SetRow

SHOWN = 10
CUT = 300
"""Characters of a prompt or an answer in the terminal; the page and the JSON have them whole."""


def lines(found: Comparison, *, every: bool = False) -> list[str]:
    """The comparison for the terminal.

    Args:
        found: what was compared.
        every: all flips instead of the first ten each way.
    """
    return [
        found.product,
        *(_head(name, head) for name, head in (("A", found.a), ("B", found.b))),
        *found.notes,
        "",
        *_table(["gate", "A", "B", "B - A", "95% interval", "n", "paired", "wanted", "A is", "B is"], _gates(found)),
        "",
        *_table(
            ["right answers", "A", "B", "B - A", "95% interval", "n", "broke", "mended", "McNemar p"], _sets(found)
        ),
        "",
        *_flips(found, every),
        found.verdict,
        *([found.cases_needed] if found.cases_needed else []),
    ]


def page(found: Comparison) -> str:
    """The comparison as an HTML page that asks nobody for anything; every flip is in it."""
    import jinja2

    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("comparison.html").render(found=asdict(found), said=said_differences(found))


def said_differences(found: Comparison) -> str:
    """How many cases differ, and in what way."""
    broke = sum(flip.kind == "broke" for flip in found.flips)
    words = (
        f"; {found.reworded} more are answered in other words, as right or wrong as before" if found.reworded else ""
    )
    if not found.flips:
        return f"No case differs{words}."
    return f"Cases that differ: {broke} broke, {len(found.flips) - broke} mended{words}."


def _head(name: str, head: Mapping[str, Any]) -> str:
    gates = "gates green" if head["passed"] else "gates RED"
    return (
        f"{name}  {head['name']:<12}  version {head['version']}  {head['quantization']}  file {head['gguf_sha256'][:12]}  "
        f"report {head['report'][:12]}  {head['made']}  {gates}"
    )


def _gates(found: Comparison) -> list[list[str]]:
    return [
        [
            row.metric,
            _number(row.a),
            _number(row.b),
            _signed(row.difference),
            _interval(row),
            str(row.n_a) if row.n_a == row.n_b else f"{row.n_a}/{row.n_b}",
            "yes" if row.paired else "no",
            row.threshold,
            row.outcome_a,
            row.outcome_b,
        ]
        for row in found.gates
    ]


def _sets(found: Comparison) -> list[list[str]]:
    rows = [*found.sets, found.accuracy] if len(found.sets) > 1 else found.sets
    return [
        [
            row.set,
            _number(row.a),
            _number(row.b),
            _signed(row.difference),
            _interval(row),
            str(row.n),
            str(row.broke),
            str(row.mended),
            f"{row.p_value:.3g}",
        ]
        for row in rows
    ]


def _number(value: float | None) -> str:
    return "unscored" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"


def _interval(row: GateRow | SetRow) -> str:
    return "" if row.low is None else f"{_signed(row.low)} to {_signed(row.high)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell; the first is words, the others are set right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    ]


def _flips(found: Comparison, every: bool) -> list[str]:
    ways = [[flip for flip in found.flips if flip.kind == kind] for kind in ("broke", "mended")]
    shown = [flip for way in ways for flip in (way if every else way[:SHOWN])]
    if not (shown or found.reworded):
        return []
    left = len(found.flips) - len(shown)
    more = [f"... and {left} more; --all shows them"] if left else []
    return [said_differences(found), *(line for flip in shown for line in _flip(flip)), *more, ""]


def _flip(flip: Flip) -> list[str]:
    parts = {"asked": flip.asked, "expected": flip.expected, "A": flip.got_a, "B": flip.got_b}
    named = f"{flip.kind} {flip.id} ({flip.set})"
    return [named, *(f"  {name:<8}  {_cut(text)}" for name, text in parts.items() if text)]


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= CUT else f"{flat[: CUT - 3]}..."
