"""The gates as one picture for the Dagster UI: value, interval and line of each, and accuracy by action or category below."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

COLOURS = {"passed": "tab:green", "failed": "tab:red", "undecided": "tab:orange"}
MOST = 16
"""Rows of the second chart: the worst ones."""


def plot_gates(path: Path, report: Mapping[str, Any]) -> None:
    """Writes a PNG with two charts of shares between 0 and 1.

    Args:
        path: where to.
        report: the content of `eval_report.json`; a gate without an interval is left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    gates, cuts = figure.subplots(1, 2)
    shown = [row for row in report["gates"] if row["low"] is not None]
    _intervals(gates, shown, [row["metric"] for row in shown], [COLOURS[row["outcome"]] for row in shown])
    lines = [(row["line"], place) for place, row in enumerate(shown) if row["line"] is not None]
    gates.scatter(
        [line for line, _ in lines], [place for _, place in lines], marker="|", s=220, color="black", label="line"
    )
    gates.set_title("gates: value, 95% interval, line")
    found = report["breakdowns"]
    rows = [row for row in found["accuracy"].get(found["grouped_by"], []) if row["share"] is not None][:MOST]
    _intervals(cuts, [{**row, "value": row["share"]} for row in rows], [row["name"] for row in rows], None)
    cuts.set_title(f"accuracy by {found['grouped_by']}, the worst first")
    figure.savefig(path, dpi=80, metadata={"Software": None})


def _intervals(
    axes: Any, rows: Sequence[Mapping[str, Any]], names: Sequence[str], colours: Sequence[str] | None
) -> None:
    for place, row in enumerate(rows):
        ends = [[row["value"] - row["low"]], [row["high"] - row["value"]]]
        colour = colours[place] if colours else "tab:blue"
        axes.errorbar(
            [row["value"]], [place], xerr=[[max(0.0, end[0])] for end in ends], fmt="o", color=colour, capsize=3
        )
    axes.set_yticks(range(len(names)), [f"{name} (n {row['n']})" for name, row in zip(names, rows, strict=True)])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.grid(visible=True, axis="x", alpha=0.3)
