"""What a stage's child process tells its parent, whatever becomes of it; see training/test_child_processes for its end."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import StageProcessError, StoreError
from llmops_assets.processes import run_stage
from llmops_assets_tests.training.killing import gone_within, is_alive

HERE = "llmops_assets_tests.test_processes"


def fail_unexpectedly(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage with a mistake in it."""
    del work
    raise KeyError(spec["missing"])


def die(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that starts a process of its own and is then killed."""
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (work / "grandchild").write_text(str(grandchild.pid))
    sys.stdout.write("half done\n")
    os.kill(os.getpid(), getattr(signal, spec["signal"]))
    return {}


def fill_the_disk(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that writes more than fits, as a library does it: with a file of its own and an error of its own."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (spec["limit"], spec["limit"]))
    try:
        (work / "weights").write_bytes(b"w" * 10_000)
    except OSError as error:
        raise RuntimeError("the file could not be saved") from error
    return {}


def talk(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that says a lot, ends a line late and speaks no UTF-8."""
    del work
    for number in range(spec["lines"]):
        sys.stdout.write(f"line {number}\n")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\xff not the end")
    return {"nested": {"list": [1, 2.5, None, "ü"]}}


def give_no_json(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage whose result cannot be read by everyone."""
    del spec
    return {"path": work}


def stop_beating(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that hangs so hard that not even its heart beats."""
    (work / "pid").write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGSTOP)
    return spec


def work_quietly(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that says nothing for longer than the patience, and lives."""
    del work
    time.sleep(spec["seconds"])
    return {}


def failure(function: str, spec: dict[str, Any], work: Path, lines: list[str] | None = None) -> str:
    with pytest.raises(StageProcessError) as caught:
        run_stage(f"{HERE}:{function}", spec, work, (lines if lines is not None else []).append, silent_s=6.0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_unexpected_error_is_one_line_and_its_traceback_is_in_the_log(tmp_path: Path) -> None:
    lines: list[str] = []
    assert (
        failure("fail_unexpectedly", {"missing": "rows"}, tmp_path, lines)
        == f"{HERE}:fail_unexpectedly raised KeyError: 'rows'"
    )
    assert lines[0].startswith("Traceback")
    assert not any("\x1e" in line for line in lines)


def test_a_killed_child_is_named_by_its_signal_and_leaves_no_process(tmp_path: Path) -> None:
    said = failure("die", {"signal": "SIGKILL"}, tmp_path)
    assert "was killed by SIGKILL" in said
    assert said.endswith("its last lines: half done")
    assert gone_within(int((tmp_path / "grandchild").read_text()), 5)


def test_a_child_that_hangs_is_killed(tmp_path: Path) -> None:
    assert "expected a sign of life" in failure("stop_beating", {}, tmp_path)
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_a_child_that_works_quietly_is_not_killed(tmp_path: Path) -> None:
    assert run_stage(f"{HERE}:work_quietly", {"seconds": 6}, tmp_path, lambda _: None, silent_s=5.0) == {}


@pytest.mark.parametrize("limit", [5000, 0])
def test_a_full_disk_is_an_error_of_the_store_even_when_nothing_more_can_be_written(tmp_path: Path, limit: int) -> None:
    with pytest.raises(StoreError, match=f"^expected to write below {tmp_path}, got: File too large; free the disk"):
        run_stage(f"{HERE}:fill_the_disk", {"limit": limit}, tmp_path, lambda _: None)


def test_everything_said_and_returned_arrives(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run_stage(f"{HERE}:talk", {"lines": 5000}, tmp_path, lines.append) == {
        "nested": {"list": [1, 2.5, None, "ü"]}
    }
    assert lines == [*(f"line {number}" for number in range(5000)), "\ufffd not the end"]


def test_a_result_is_json(tmp_path: Path) -> None:
    found = run_stage(f"{HERE}:give_no_json", {}, tmp_path, lambda _: None)
    assert json.loads(json.dumps(found)) == {"path": str(tmp_path)}
