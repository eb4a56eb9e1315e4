"""The stages and DPO's effect as markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

HEADS = ("stage", "accuracy", "same as before", "same as first", "first difference", "gold gap", "tolerance", "held")


def parity_lines(parity: Mapping[str, Any] | None) -> list[str]:
    """The lines of the report's section; none where the recipe leaves it out."""
    if not parity:
        return []
    return [
        f"Stage by stage on {parity['cases']} contract cases: {parity['says']}.",
        "",
        *_table(HEADS, [_cells(row) for row in parity["rows"]]),
        "",
        f"Prompts of all stages: token ids with SHA-256 {parity['prompt_sha256'][:16]}.",
        "gold gap: mean absolute difference of the right answer's log-probability to the stage before, in nats.",
        *(f"Left out, {row['stage']}: {row['reason']}." for row in parity["left_out"]),
        *_dpo_lines(parity["dpo"]),
    ]


def _dpo_lines(effect: Mapping[str, Any] | None) -> list[str]:
    if not effect:
        return []
    rows = [(row["measure"], number(row["sft"]), number(row["dpo"]), str(row["n"])) for row in effect["rows"]]
    return ["", effect["says"], "", *_table(("the model alone", "after SFT", "after DPO", "n"), rows)]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    held = {None: "", True: "yes", False: "**no**"}[row["held"]]
    shares = (number(row[key]) for key in ("accuracy", "same_as_before", "same_as_first"))
    stage = f"{row['stage']} ({row['note']})" if row["note"] else row["stage"]
    return (stage, *shares, row["first_difference"], number(row["gold_gap"]), row["tolerance"], held)


def number(value: float | None) -> str:
    """Three digits; empty where there is nothing to show."""
    return "" if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
