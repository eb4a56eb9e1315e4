"""Gates as data, and one pure `judge`: what a verdict says. What it is worth later is in `verdicts`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmops_assets.storage import atomic

Outcome = Literal["passed", "failed", "undecided"]
On = Literal["value", "bound"]
"""What a line is held against: what was measured, or the worse end of its interval."""


@dataclass(frozen=True)
class Gate:
    """One line to be held: `minimum` and `maximum` are inclusive.

    Attributes:
        on: `bound` holds the lower end of the metric's interval to the minimum, the upper one to the maximum.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    blocking: bool = True
    minimum_cases: int = 1
    on: On = "value"

    @property
    def threshold(self) -> str:
        """The line in words, e.g. `>= 0.85`."""
        sides = [f">= {self.minimum:g}"] if self.minimum is not None else []
        said = " and ".join(sides + ([f"<= {self.maximum:g}"] if self.maximum is not None else [])) or "present"
        return f"{said} at its bound" if self.on == "bound" else said


@dataclass(frozen=True)
class Metric:
    """A measured value with what it rests on. `value` None means unscored."""

    value: float | None
    n: int = 1
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class GateResult:
    """One gate's outcome and why."""

    gate: Gate
    metric: Metric
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class Verdict:
    """All gates of one artifact."""

    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every blocking gate passed; undecided is not passed."""
        return not self.red

    @property
    def red(self) -> tuple[GateResult, ...]:
        """What stops the artifact: blocking gates that did not pass."""
        return tuple(result for result in self.results if result.gate.blocking and result.outcome != "passed")

    def rows(self) -> list[dict[str, Any]]:
        """One flat row a gate, for tables."""
        return [
            {
                "metric": result.gate.metric,
                "value": result.metric.value,
                "threshold": result.gate.threshold,
                "n": result.metric.n,
                "low": result.metric.low,
                "high": result.metric.high,
                "blocking": result.gate.blocking,
                "outcome": result.outcome,
                "reason": result.reason,
            }
            for result in self.results
        ]


def judge(metrics: Mapping[str, Metric], gates: Sequence[Gate]) -> Verdict:
    """Judges metrics by gates. A metric that is missing fails; an unscored one, or one on too few cases, is undecided."""
    return Verdict(tuple(_judge_one(metrics.get(gate.metric), gate) for gate in gates))


def _judge_one(metric: Metric | None, gate: Gate) -> GateResult:
    if metric is None:
        return GateResult(gate, Metric(None, 0), "failed", f"{gate.metric} was not measured")
    if metric.value is None:
        return GateResult(gate, metric, "undecided", metric.note or f"{gate.metric} could not be scored")
    if metric.n < gate.minimum_cases:
        return GateResult(gate, metric, "undecided", f"{metric.n} cases, {gate.minimum_cases} are needed")
    low, high = (metric.value, metric.value) if gate.on == "value" else (metric.low, metric.high)
    if low is None or high is None:
        return GateResult(gate, metric, "undecided", f"{gate.metric} has no interval to hold its bound against")
    low_ok = gate.minimum is None or low >= gate.minimum
    high_ok = gate.maximum is None or high <= gate.maximum
    between = "" if gate.on == "value" else f" ({low:.4g} to {high:.4g})"
    said = f"{gate.metric} {metric.value:.4g}{between}, wanted {gate.threshold}"
    reason = f"{said} ({metric.note})" if metric.note else said
    return GateResult(gate, metric, "passed" if low_ok and high_ok else "failed", reason)


def gates_digest(gates: Sequence[Gate]) -> str:
    """Which gates a verdict was given by."""
    return atomic.sha256_json([asdict(gate) for gate in gates])
