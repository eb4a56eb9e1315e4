"""Runs Prometheus' own tools over a profile. A missing tool makes the answer "unchecked", never "passed"."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CHECKS: tuple[tuple[str, ...], ...] = (
    ("promtool", "check", "rules", "rules.yml"),
    ("promtool", "test", "rules", "rules_test.yml"),
    ("promtool", "check", "config", "prometheus.yml"),
    ("amtool", "check-config", "alertmanager.yml"),
)
LONGEST_S = 300


@dataclass(frozen=True)
class ToolVerdict:
    """What one tool said of one file."""

    command: str
    state: Literal["passed", "failed", "unchecked"]
    output: str


def check_profile(folder: Path) -> tuple[ToolVerdict, ...]:
    """Checks the files that `write_profile` wrote."""
    return tuple(_check(folder, command) for command in CHECKS)


def _check(folder: Path, command: tuple[str, ...]) -> ToolVerdict:
    shown = " ".join(command)
    tool = shutil.which(command[0])
    if tool is None:
        return ToolVerdict(shown, "unchecked", f"{command[0]} is not installed (Debian: prometheus-alertmanager)")
    done = subprocess.run(
        [tool, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=LONGEST_S, check=False
    )
    state: Literal["passed", "failed"] = "passed" if done.returncode == 0 else "failed"
    return ToolVerdict(shown, state, (done.stdout + done.stderr).strip())
