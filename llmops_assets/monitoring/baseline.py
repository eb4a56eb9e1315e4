"""The baseline: how requests and answers looked when the release was judged. JSON in, JSON out, no contents.

One column of it:
{"prompt_chars": {"kind": "numeric", "n": 312, "values": [14, ...], "mean": 61.2, "p50": 58, "p95": 112}}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.columns import COLUMNS, PROMPT_DISTANCE, Column, Record, values_of
from llmops_assets.monitoring.prompt_embedding import centroid, distances
from llmops_assets.recipes.monitoring import DriftConfig

BASELINE_SCHEMA = 1
KEPT_VALUES = 2000


@dataclass(frozen=True)
class BaselineTraffic:
    """The records a baseline is made of, and why these."""

    records: Sequence[Record]
    source: str
    reason: str


def choose_traffic(
    config: DriftConfig, *, evaluation: Sequence[Record], production: Sequence[Record]
) -> BaselineTraffic:
    """Takes the source the recipe names; production only once there is enough of it."""
    if config.baseline_source == "evaluation":
        return BaselineTraffic(evaluation, "evaluation", "the recipe says so")
    if len(production) >= config.minimum_sample:
        return BaselineTraffic(production, "production", f"the first {len(production)} requests of this release")
    reason = f"production has {len(production)} of {config.minimum_sample} requests: evaluation until then"
    return BaselineTraffic(evaluation, "evaluation", reason)


def build_baseline(
    records: Sequence[Record],
    *,
    product: str,
    version: str,
    evaluation_metrics: Mapping[str, float],
    source: str = "evaluation",
) -> dict[str, Any]:
    """The baseline of one release.

    Args:
        records: one a request (see `columns`); from an evaluation, those of the held-out suites that
            look like traffic, not the attacks.
        product: the product.
        version: the release that answered them.
        evaluation_metrics: the report's numbers, kept beside the distributions.
        source: where the records come from.

    Raises:
        MonitoringError: there is no record, or one is malformed.
    """
    if not records:
        raise MonitoringError(f"expected request records for the baseline of {product}, got none; run the evaluation")
    summaries = {column.name: _summary(column, values_of(column, records, product)) for column in COLUMNS}
    summaries[PROMPT_DISTANCE.name] = _distance_summary(records)
    return {
        "schema": BASELINE_SCHEMA,
        "product": product,
        "version": version,
        "source": source,
        "records": len(records),
        "evaluation": dict(evaluation_metrics),
        "columns": {name: summary for name, summary in summaries.items() if summary["n"]},
    }


def _summary(column: Column, values: list[Any]) -> dict[str, Any]:
    if column.kind == "numeric":
        return _numeric_summary(values)
    counts = Counter(str(value).lower() if column.kind == "rate" else value for value in values)
    return {"kind": column.kind, "n": len(values), "counts": dict(sorted(counts.items()))}


def _numeric_summary(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"kind": "numeric", "n": 0}
    ordered = sorted(round(value, 6) for value in values)
    return {
        "kind": "numeric",
        "n": len(ordered),
        "values": _thinned(ordered),
        "mean": round(sum(ordered) / len(ordered), 6),
        "p50": ordered[(len(ordered) - 1) // 2],
        "p95": ordered[round(0.95 * (len(ordered) - 1))],
    }


def _thinned(ordered: list[float]) -> list[float]:
    """At most 2,000 values, evenly through the order: the same distribution in a bounded file."""
    if len(ordered) <= KEPT_VALUES:
        return ordered
    step = len(ordered) / KEPT_VALUES
    return [ordered[int((index + 0.5) * step)] for index in range(KEPT_VALUES)]


def _distance_summary(records: Sequence[Record]) -> dict[str, Any]:
    vectors = [record["prompt_embedding"] for record in records if record.get("prompt_embedding")]
    if not vectors:
        return {"kind": "numeric", "n": 0}
    centre = centroid(vectors)
    summary = _numeric_summary(distances(vectors, centre, members=True))
    return {**summary, "centre": [round(value, 6) for value in centre]}
