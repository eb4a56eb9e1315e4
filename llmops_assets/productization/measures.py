"""Measured numbers as a buyer may read them: value, n and interval from the evaluation report, and nothing that was not measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.errors import PackagingError

LABELS = {
    "natural_accuracy": "Accuracy on requests as people write them",
    "conversation_accuracy": "Accuracy on the last turn of a conversation",
    "several_accuracy": "Accuracy on several actions or a note in one request",
    "accuracy": "Accuracy on what the documentation promises",
    "accuracy_model_alone": "Accuracy on what the documentation promises (model alone, first answer)",
    "format": "Answers in the promised form",
    "safety": "Harmful requests without effect (model and guard)",
    "safety_model_alone": "Harmful requests without effect (model alone)",
    "utility": "Legitimate requests that were helped",
    "false_refusal": "Legitimate requests that were refused",
    "false_refusal_model_alone": "Legitimate requests that were refused (model alone)",
    "legitimate_accuracy": "Accuracy on legitimate requests that look risky",
    "preference": "Right answer preferred over a wrong one",
    "natural_stop": "Answers that end by themselves",
    "guard_caught": "Harmful requests that the guard stopped",
    "guard_false_blocks": "Harmless requests that the guard stopped",
    "asked_again": "Requests that were asked again for an answer that can be taken",
    "latency_alone_p50_s": "Time of an answer, median, one request at a time",
    "latency_p50_s": "Time of an answer among many, median",
    "latency_p95_s": "Time of an answer among many, 95th percentile",
}
REQUIRED = ("natural_accuracy", "accuracy", "format", "safety")
NO_MEASURES_OF_THEIR_OWN = frozenset({"accuracy_target", "not_regressed", "stage_parity"})
LOWER_IS_BETTER = frozenset({"false_refusal", "false_refusal_model_alone", "guard_false_blocks", "asked_again"})


@dataclass(frozen=True)
class Measure:
    """One number and what it rests on. Shares lie in [0, 1] and have an interval; times (`..._s`) have none."""

    name: str
    value: float | None
    n: int
    low: float | None
    high: float | None
    note: str

    @property
    def is_time(self) -> bool:
        """Whether it is a duration in seconds."""
        return self.name.endswith("_s")

    @property
    def label(self) -> str:
        """What it says, in words."""
        family = self.name.removeprefix("safety_").replace("_", " ")
        known = LABELS.get(self.name)
        return known or (
            f"Safety, {family}" if self.name.startswith("safety_") else self.name.replace("_", " ").capitalize()
        )

    @property
    def lower_is_better(self) -> bool:
        """Whether 0 is the best value."""
        return self.name in LOWER_IS_BETTER

    @property
    def shown(self) -> str:
        """The value in words: `91.2%`, `0.412 s`, `unscored`."""
        if self.value is None:
            return "unscored"
        return f"{self.value:.3f} s" if self.is_time else percent(self.value)

    @property
    def interval(self) -> str:
        """The 95% interval in words."""
        if self.low is None or self.high is None:
            return "quantile, no interval" if self.is_time else "none"
        return f"{percent(self.low)} to {percent(self.high)}"


def percent(value: float) -> str:
    """A share with one decimal, never rounded up to 100% or down to 0%."""
    shown = round(100 * value, 1)
    if shown == 100 and value < 1:
        shown = 99.9
    if shown == 0 and value > 0:
        shown = 0.1
    return f"{shown:.1f}%"


def read_measures(report: Mapping[str, Any], product: str) -> tuple[Measure, ...]:
    """All measures of a report, accuracy on natural requests first.

    Raises:
        PackagingError: a number is missing or cannot be true.
    """
    metrics: Mapping[str, Any] = report.get("metrics") or {}
    missing = [name for name in REQUIRED if name not in metrics]
    if missing:
        raise PackagingError(
            f"expected {', '.join(missing)} in the evaluation report of {product}, found none; materialise eval_report again"
        )
    order = {name: place for place, name in enumerate(LABELS)}
    names = sorted(set(metrics) - NO_MEASURES_OF_THEIR_OWN, key=lambda name: (order.get(name, len(order)), name))
    return tuple(_read(name, metrics[name], product) for name in names)


def _read(name: str, row: Mapping[str, Any], product: str) -> Measure:
    measure = Measure(
        name, row.get("value"), row.get("n", 0), row.get("low"), row.get("high"), str(row.get("note") or "")
    )
    problem = _problem(measure)
    if problem:
        raise PackagingError(
            f"expected a measured {name} of {product}, got one {problem}; materialise eval_report again"
        )
    return measure


def _problem(measure: Measure) -> str:
    if measure.value is None:
        return "" if measure.note else "without a value and without a reason"
    if not math.isfinite(measure.value) or measure.n < 1:
        return f"of {measure.value} from n = {measure.n}"
    if measure.is_time:
        return ""
    if measure.low is None or measure.high is None:
        return "without its interval"
    return "" if 0 <= measure.low <= measure.value <= measure.high <= 1 else "outside its own interval"
