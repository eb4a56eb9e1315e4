"""Gates: one pure `judge`, a verdict that lies beside the artifact, and `require_passed` in whatever consumes it.

An asset check shows the verdict; `require_passed` enforces it in every run, also where Dagster alone would walk past.
A verdict counts only for the product, the digest and the gates it was given for, and only if it says what its metrics say:
a file that was edited by hand is no verdict. Who rewrites metrics, report and verdict so that all agree is not noticed:
the machine keeps no secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llmops_assets.errors import GateError
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact

Outcome = Literal["passed", "failed", "undecided"]
GATE = "gate"
"""What the verdict is called beside its artifact."""


@dataclass(frozen=True)
class Gate:
    """One line to be held: `minimum` and `maximum` are inclusive."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    blocking: bool = True
    minimum_cases: int = 1

    @property
    def threshold(self) -> str:
        """The line in words, e.g. `>= 0.85`."""
        sides = [f">= {self.minimum:g}"] if self.minimum is not None else []
        return " and ".join(sides + ([f"<= {self.maximum:g}"] if self.maximum is not None else [])) or "present"


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
        return all(result.outcome == "passed" for result in self.results if result.gate.blocking)

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
    low_ok = gate.minimum is None or metric.value >= gate.minimum
    high_ok = gate.maximum is None or metric.value <= gate.maximum
    said = f"{gate.metric} {metric.value:.4g}, wanted {gate.threshold}"
    reason = f"{said} ({metric.note})" if metric.note else said
    return GateResult(gate, metric, "passed" if low_ok and high_ok else "failed", reason)


def gates_digest(gates: Sequence[Gate]) -> str:
    """Which gates a verdict was given by."""
    return atomic.sha256_json([asdict(gate) for gate in gates])


def record_verdict(artifact: Artifact, metrics: Mapping[str, Metric], gates: Sequence[Gate]) -> Verdict:
    """Judges an artifact and writes the verdict beside it."""
    verdict = judge(metrics, gates)
    artifact.write_beside(
        GATE,
        {
            "asset": artifact.asset,
            "product": artifact.product,
            "digest": artifact.digest,
            "gates": gates_digest(gates),
            "passed": verdict.passed,
            "results": verdict.rows(),
        },
    )
    return verdict


def read_verdict(artifact: Artifact) -> dict[str, Any] | None:
    """The stored verdict, or None where there is none for this very digest of this product's asset."""
    stored = artifact.read_beside(GATE) or {}
    own = {"asset": artifact.asset, "product": artifact.product, "digest": artifact.digest}
    return stored if {name: stored.get(name) for name in own} == own else None


def require_passed(
    artifact: Artifact, gates: Sequence[Gate], *, metrics: Mapping[str, Metric] | None = None, override: str = ""
) -> Artifact:
    """Lets an artifact through only with a green verdict on its digest by these gates.

    Args:
        artifact: what is about to be consumed.
        gates: the recipe's gates now; a verdict by other gates counts as none.
        metrics: what was measured: a verdict that says anything else was edited. None: the verdict's word is taken.
        override: a reason for letting a red one through; it is recorded beside the verdict. None can be given for a
            verdict that is missing or edited: nobody knows what it would let through.

    Raises:
        GateError: there is no verdict, it is another's, it was edited, or it is red.
    """
    stored = read_verdict(artifact)
    if stored is not None and metrics is not None and stored["gates"] == gates_digest(gates):
        _refuse_edited(artifact, stored, judge(metrics, gates))
    problem = _problem(artifact, gates, stored)
    if problem and stored is not None and override.strip():
        artifact.write_beside(
            f"{GATE}.override", {"digest": artifact.digest, "problem": problem, "reason": override.strip()}
        )
        return artifact
    if problem:
        raise GateError(problem)
    return artifact


def _refuse_edited(artifact: Artifact, stored: Mapping[str, Any], judged: Verdict) -> None:
    if stored["passed"] != judged.passed or stored["results"] != judged.rows():
        raise GateError(
            f"the verdict on {artifact.asset} {artifact.digest[:12]} of {artifact.product} is not what its metrics say: "
            f"{artifact.verdict_path.name} was edited; materialise {artifact.asset} again"
        )


def _problem(artifact: Artifact, gates: Sequence[Gate], stored: dict[str, Any] | None) -> str:
    name = f"{artifact.asset} {artifact.digest[:12]} of {artifact.product}"
    if stored is None:
        return f"expected a verdict on {name}, found none; materialise {artifact.asset} again"
    if stored["gates"] != gates_digest(gates):
        return f"the verdict on {name} was given by other gates than the recipe's; materialise {artifact.asset} again"
    if not stored["passed"]:
        reasons = "; ".join(
            row["reason"] for row in stored["results"] if row["blocking"] and row["outcome"] != "passed"
        )
        return f"{name} did not pass its gates: {reasons}; mend the data or the training, nothing below it runs"
    return ""
