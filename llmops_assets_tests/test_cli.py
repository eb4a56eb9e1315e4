import json
import subprocess
import sys

import pytest

from llmops_assets.cli import build_parser


def llmops(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llmops_assets", *arguments], capture_output=True, text=True, check=False
    )


def test_help_teaches_and_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "llmops_assets", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "exit codes" in done.stdout
    assert not any(name in done.stderr for name in ("| dagster", "| torch", "| pydantic"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "Nobody"), "expected one of the products"),
        (("run", "TaskMaster", "--stage", "dance"), "expected one of the stages data, training"),
        (("run", "--config", "missing.yaml"), "expected a recipe at missing.yaml"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(arguments: tuple[str, ...], message: str) -> None:
    done = llmops(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("llmops: ")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_usage_is_exit_2() -> None:
    assert llmops("nonsense").returncode == 2


def test_status_is_readable_by_programs() -> None:
    rows = json.loads(llmops("status", "--json").stdout)
    assert {row["product"] for row in rows} >= {"TaskMaster", "CodeReviewer", "DocWriter"}


def test_doctor_names_backend_and_reason() -> None:
    done = llmops("doctor")
    assert done.returncode == 0
    assert "transformers on" in done.stdout


def test_the_brief_s_forms_parse() -> None:
    assert build_parser().parse_args(["run", "--stage", "training"]).stage == "training"
    assert build_parser().parse_args(["init", "--config", "pipeline.yaml"]).config == "pipeline.yaml"
