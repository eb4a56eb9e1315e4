"""The pinned ruff as an oracle: it labels functions for CodeReviewer and checks docstrings for DocWriter.

A subprocess of the binary: a score depends on one known version, and on no settings of the folder it runs in.
"""

import json
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from llmops_assets.errors import EvaluationError

RUFF_VERSION = "0.17.6"
TIMEOUT_SECONDS = 300


Place = tuple[int, int]
"""Line and column, 1 is the first."""


@dataclass(frozen=True)
class Edit:
    """What stands from `start` up to `end` becomes `text`."""

    start: Place
    end: Place
    text: str


@dataclass(frozen=True)
class Finding:
    """One thing that ruff reports, by its line in the text that was linted (1 is the first), and its edits that would mend it."""

    line: int
    code: str
    message: str
    edits: tuple[Edit, ...] = ()


@lru_cache(maxsize=1)
def ruff_binary() -> Path:
    """The pinned ruff of this environment.

    Raises:
        EvaluationError: there is none, or another version.
    """
    beside = Path(sysconfig.get_path("scripts")) / "ruff"
    found = str(beside) if beside.exists() else shutil.which("ruff")
    if found is None:
        raise EvaluationError(f"expected ruff {RUFF_VERSION}, found none; install the requirements of this project")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout.split()
    if said[-1:] != [RUFF_VERSION]:
        raise EvaluationError(
            f"expected ruff {RUFF_VERSION}, found {' '.join(said)}; labels of another version would differ"
        )
    return Path(found)


def lint(codes: Sequence[str], *, select: Sequence[str], options: Sequence[str] = ()) -> list[list[Finding]]:
    """Findings of each text as a module of its own; one that does not parse gets `invalid-syntax`.

    Args:
        codes: Python texts.
        select: rule codes or prefixes.
        options: `--config` values in TOML.

    Raises:
        EvaluationError: ruff did not run.
    """
    command = [
        str(ruff_binary()),
        "check",
        "--isolated",
        "--no-cache",
        "--preview",
        "--ignore-noqa",
        "--exit-zero",
    ]
    command += [
        "--quiet",
        "--target-version",
        "py311",
        "--output-format",
        "json",
        "--select",
        ",".join(select),
    ]
    for option in options:
        command += ["--config", option]
    found: list[list[Finding]] = [[] for _ in codes]
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        for number, code in enumerate(codes):
            (Path(folder) / f"f{number}.py").write_text(code.rstrip("\n") + "\n", encoding="utf-8")
        done = subprocess.run([*command, folder], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode or not done.stdout:
        raise EvaluationError(f"expected ruff to lint {len(codes)} functions, got: {done.stderr.strip()[-200:]}")
    for row in json.loads(done.stdout):
        number = int(Path(row["filename"]).stem[1:])
        code = row["code"] or "invalid-syntax"
        found[number].append(Finding(row["location"]["row"], code, row["message"], _edits(row["fix"])))
    return found


def _edits(fix: dict[str, Any] | None) -> tuple[Edit, ...]:
    def place(where: dict[str, int]) -> Place:
        return where["row"], where["column"]

    rows = fix["edits"] if fix else []
    return tuple(Edit(place(row["location"]), place(row["end_location"]), row["content"]) for row in rows)


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits that do not overlap."""
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(len(line) for line in lines)]

    def offset(place: Place) -> int:
        line, column = place
        return starts[line - 1] + column - 1 if line <= len(lines) else len(text)

    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: offset(edit.start)] + edit.text + text[offset(edit.end) :]
    return text
