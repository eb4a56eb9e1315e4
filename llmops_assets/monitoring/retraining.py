"""Whether drift asks for a retraining: only where that helps, and not again before the cool-down is over."""

from dataclasses import dataclass

from llmops_assets.monitoring.drift import DriftReport
from llmops_assets.recipes.monitoring import DriftConfig

# A slower machine is no reason to train.
NOT_TRAINED = frozenset({"ollama_deployment"})


@dataclass(frozen=True)
class RetrainingDecision:
    """What the sensor does, and why."""

    wanted: bool
    reason: str


def decide_retraining(
    report: DriftReport, config: DriftConfig, *, last_requested_at: float | None, now: float
) -> RetrainingDecision:
    """Judges a report; times in seconds since the epoch."""
    causes = [
        column.name for column in report.drifted if column.state == "critical" and column.rebuild not in NOT_TRAINED
    ]
    if not causes:
        return RetrainingDecision(False, f"nothing critical that training could mend: {report.reason}")
    if last_requested_at is not None:
        left = last_requested_at + config.cool_down_hours * 3600 - now
        if left > 0:
            return RetrainingDecision(
                False, f"critical drift in {', '.join(causes)}, cooling down for {left / 3600:.1f} h more"
            )
    return RetrainingDecision(True, f"critical drift in {', '.join(causes)}")
