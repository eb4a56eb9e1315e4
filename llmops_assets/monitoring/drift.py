"""Drift: do the requests and answers of a release still look like its baseline?

A column alarms when its corrected p-value proves a difference and its size reaches the recipe's level: the
first keeps small samples quiet, the second large ones. "Too little data" is a state of its own, never ok.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.baseline import BASELINE_SCHEMA
from llmops_assets.monitoring.columns import COLUMNS, PROMPT_DISTANCE, Column, Record, values_of
from llmops_assets.monitoring.comparing import (
    Comparison,
    compare_categories,
    compare_numbers,
    compare_rates,
    holm,
)
from llmops_assets.monitoring.prompt_embedding import distances
from llmops_assets.recipes.monitoring import DriftConfig

State = Literal["ok", "warning", "critical", "too_little_data"]
ALARMS: tuple[State, ...] = ("warning", "critical")


@dataclass(frozen=True)
class ColumnDrift:
    """One column's result; the statistics are None where there is too little data."""

    name: str
    state: State
    baseline_n: int
    current_n: int
    before: str
    now: str
    rebuild: str
    comparison: Comparison | None = None
    p_adjusted: float | None = None

    @property
    def score(self) -> float | None:
        """The size of a proven drift, 0 where none is proven, None where nothing could be judged."""
        if self.comparison is None or self.p_adjusted is None:
            return None
        return self.comparison.effect if self.state in ALARMS else 0.0


@dataclass(frozen=True)
class DriftReport:
    """The verdict on one product's traffic."""

    product: str
    version: str
    state: State
    records: int
    columns: tuple[ColumnDrift, ...]
    reason: str

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "DriftReport":
        """What `as_dict` gave."""
        columns = tuple(
            ColumnDrift(**{**row, "comparison": Comparison(**row["comparison"]) if row["comparison"] else None})
            for row in value["columns"]
        )
        kept = ("product", "version", "state", "records", "reason")
        return cls(columns=columns, **{name: value[name] for name in kept})

    @property
    def scores(self) -> dict[str, float]:
        """Score by column, for the exporter."""
        return {column.name: column.score for column in self.columns if column.score is not None}

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that alarm."""
        return tuple(column for column in self.columns if column.state in ALARMS)

    @property
    def rebuild(self) -> tuple[str, ...]:
        """The assets behind the columns that alarm."""
        return tuple(sorted({column.rebuild for column in self.drifted}))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "scores": self.scores, "rebuild": list(self.rebuild)}


def drift_report(baseline: Mapping[str, Any], records: Sequence[Record], config: DriftConfig) -> DriftReport:
    """Compares traffic with the baseline, column by column.

    Args:
        baseline: what `build_baseline` gave.
        records: the requests of the window, see `columns`.
        config: levels, significance, minimum sample.

    Raises:
        MonitoringError: the baseline is of another form, or a record is malformed.
    """
    if baseline.get("schema") != BASELINE_SCHEMA:
        raise MonitoringError(
            f"expected a baseline of schema {BASELINE_SCHEMA}, got {baseline.get('schema')!r} "
            f"for {baseline.get('product', 'an unnamed product')}; run the monitoring stage again"
        )
    pairs = [
        (column, baseline["columns"][column.name], _current_values(column, baseline, records))
        for column in COLUMNS
        if column.name in baseline["columns"]
    ]
    enough = [min(summary["n"], len(values)) >= config.minimum_sample for _, summary, values in pairs]
    comparisons = [_compare(*pair) for pair, judged in zip(pairs, enough, strict=True) if judged]
    corrected = iter(zip(comparisons, holm([found.p_value for found in comparisons]), strict=True))
    columns = tuple(
        _judged(*pair, *next(corrected), config) if judged else _unjudged(*pair)
        for pair, judged in zip(pairs, enough, strict=True)
    )
    state = _worst(columns)
    return DriftReport(
        baseline["product"],
        baseline["version"],
        state,
        len(records),
        columns,
        _reason(state, columns, config),
    )


def _current_values(column: Column, baseline: Mapping[str, Any], records: Sequence[Record]) -> list[Any]:
    if column is not PROMPT_DISTANCE:
        return values_of(column, records, baseline["product"])
    vectors = [record["prompt_embedding"] for record in records if record.get("prompt_embedding")]
    return distances(vectors, baseline["columns"][column.name]["centre"])


def _compare(column: Column, summary: Mapping[str, Any], values: list[Any]) -> Comparison:
    if column.kind == "numeric":
        return compare_numbers(summary["values"], values, column.worse)
    counts = Counter(str(value).lower() if column.kind == "rate" else value for value in values)
    if column.kind == "category" or column.worse == "either":
        return compare_categories(summary["counts"], counts)
    return compare_rates(summary["counts"], counts, column.worse)


def _judged(
    column: Column,
    summary: Mapping[str, Any],
    values: list[Any],
    found: Comparison,
    p_adjusted: float,
    config: DriftConfig,
) -> ColumnDrift:
    proven = p_adjusted < config.significance
    state: State = "ok"
    if proven and found.effect >= config.warning:
        state = "critical" if found.effect >= config.critical else "warning"
    before, now = _shown_baseline(column, summary), _shown(column, values)
    return ColumnDrift(column.name, state, summary["n"], len(values), before, now, column.rebuild, found, p_adjusted)


def _unjudged(column: Column, summary: Mapping[str, Any], values: list[Any]) -> ColumnDrift:
    before, now = _shown_baseline(column, summary), _shown(column, values)
    return ColumnDrift(column.name, "too_little_data", summary["n"], len(values), before, now, column.rebuild)


def _worst(columns: Sequence[ColumnDrift]) -> State:
    states = {column.state for column in columns}
    for state in ("critical", "warning", "ok"):
        if state in states:
            return state
    return "too_little_data"


def _reason(state: State, columns: Sequence[ColumnDrift], config: DriftConfig) -> str:
    unjudged = [column.name for column in columns if column.state == "too_little_data"]
    if state == "too_little_data":
        return f"no column has {config.minimum_sample} values on both sides"
    alarmed = [column.name for column in columns if column.state in ALARMS]
    found = f"drifted: {', '.join(alarmed)}" if alarmed else "no column drifted"
    return f"{found}; too little data for: {', '.join(unjudged)}" if unjudged else found


def _shown_baseline(column: Column, summary: Mapping[str, Any]) -> str:
    if column.kind == "numeric":
        return f"median {summary['p50']:g}, p95 {summary['p95']:g}"
    return _shown_counts(column, summary["counts"])


def _shown(column: Column, values: Sequence[Any]) -> str:
    if not values:
        return "none"
    if column.kind == "numeric":
        ordered = sorted(values)
        last = len(ordered) - 1
        return f"median {ordered[last // 2]:g}, p95 {ordered[round(0.95 * last)]:g}"
    return _shown_counts(column, Counter(str(value).lower() if column.kind == "rate" else value for value in values))


def _shown_counts(column: Column, counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if column.kind == "rate":
        return f"{counts.get('true', 0) / total:.1%}"
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{name} {count / total:.0%}" for name, count in most)
