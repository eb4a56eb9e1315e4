"""A stage's child: what it raises, and that it does not outlive its parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import DataError, StageProcessError
from llmops_assets.processes import run_stage
from llmops_assets_tests.training.killing import child_of, gone_within, is_alive

HERE = "llmops_assets_tests.training.test_child_processes"
PARENT = f"from pathlib import Path; from {HERE} import start; start(Path(__import__('sys').argv[1]))"


def sleep(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that starts a process of its own and never ends."""
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (work / "grandchild").write_text(str(grandchild.pid))
    time.sleep(600)
    return spec


def refuse(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that does not like its data."""
    del work
    raise DataError(f"expected data, got {spec['data']}")


def exit_at_once(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that crashes without a word to Python."""
    del spec, work
    sys.stdout.write("about to crash\n")
    sys.stdout.flush()
    import os

    os._exit(3)


def echo(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage that works."""
    (work / "made").write_text("yes")
    sys.stdout.write("working\n")
    return {"got": spec["value"]}


def start(work: Path) -> None:
    """The parent that is going to be killed."""
    run_stage(f"{HERE}:sleep", {}, work, lambda _: None)


def test_a_child_and_what_it_started_die_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "grandchild").exists() or child_of(tmp_path) is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        child, grandchild = child_of(tmp_path), int((tmp_path / "grandchild").read_text())
        assert child is not None
        assert is_alive(child)
        assert is_alive(grandchild)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone_within(child, 15)
    assert gone_within(grandchild, 15)


def test_a_childs_error_arrives_as_it_was_raised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^expected data, got nothing$"):
        run_stage(f"{HERE}:refuse", {"data": "nothing"}, tmp_path, lambda _: None)


def test_a_crash_is_one_line_with_the_last_words(tmp_path: Path) -> None:
    with pytest.raises(StageProcessError, match=r"ended with exit code 3.*about to crash") as caught:
        run_stage(f"{HERE}:exit_at_once", {}, tmp_path, lambda _: None)
    assert "\n" not in str(caught.value)


def test_a_result_comes_back_with_the_lines_and_leaves_only_what_was_made(tmp_path: Path) -> None:
    lines: list[str] = []
    assert run_stage(f"{HERE}:echo", {"value": 7}, tmp_path, lines.append) == {"got": 7}
    assert lines == ["working"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
