"""A drift report as markdown, for the UI."""

from llmops_assets.monitoring.drift import ColumnDrift, DriftReport

HEADER = "| column | state | before | now | test | why this test | size | p (Holm) | n |\n|" + "---|" * 9


def drift_markdown(report: DriftReport) -> str:
    """One table, one row a column, with the test that was chosen and why."""
    lines = [
        f"### Drift of {report.product} {report.version}: {report.state.replace('_', ' ')}",
        "",
        f"{report.records} requests; {report.reason}.",
        "",
        HEADER,
        *(_row(column) for column in report.columns),
    ]
    if report.rebuild:
        lines += ["", f"Look at, and make again: {', '.join(f'`{asset}`' for asset in report.rebuild)}."]
    return "\n".join(lines) + "\n"


def _row(column: ColumnDrift) -> str:
    counts = f"{column.baseline_n} / {column.current_n}"
    found = column.comparison
    if found is None:
        tested = ("none", "too little data", "", "")
    else:
        tested = (
            found.test,
            found.reason,
            f"{found.effect_name} {found.effect:.3f}",
            f"{column.p_adjusted:.3g}",
        )
    cells = (column.name, column.state.replace("_", " "), column.before, column.now, *tested, counts)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
