"""What is switched on from the start: LLMOPS_AUTOMATION, `on` or names with commas between; without it nothing is.

The UI switches each one on and off as well, and keeps that.
"""

import os

from llmops_assets.errors import LLMOpsError

AUTOMATIONS = (
    "data_branch_changed",
    "release_tagged",
    "weekly_retraining",
    "hourly_drift",
    "drift_detected",
    "feedback_ready",
    "run_failed",
    "gate_failed",
    "version_released",
)


def switched_on(name: str) -> bool:
    """Whether a sensor or schedule runs without anybody having switched it on in the UI.

    Raises:
        LLMOpsError: the variable names something else.
    """
    given = [word.strip() for word in os.environ.get("LLMOPS_AUTOMATION", "off").split(",")]
    unknown = [word for word in given if word not in ("", "on", "off", *AUTOMATIONS)]
    if unknown:
        raise LLMOpsError(
            f"expected LLMOPS_AUTOMATION to be on, off or names of {', '.join(AUTOMATIONS)}, got {unknown[0]!r}"
        )
    return "on" in given or name in given
