import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llmops_assets.errors import ExportError
from llmops_assets.export.native import Build, wait_for, wait_for_llama_cpp


def build(folder: Path, module: str, builder: int | None = None) -> Build:
    marker = folder / "building"
    if builder is not None:
        marker.write_text(f"{builder}\n")
    return Build(module, marker, period_s=0.05)


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_what_is_installed_is_not_waited_for() -> None:
    lines: list[str] = []
    wait_for_llama_cpp(None, lines.append, 1)
    assert lines == []


def test_what_is_neither_there_nor_being_built_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"absent_one, got: it is not installed.*make install-native"):
        wait_for(build(tmp_path, "absent_one"), None, print, 5)


def test_a_marker_of_a_dead_builder_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="nobody builds it"):
        wait_for(build(tmp_path, "absent_one", dead_process()), None, print, 5)


def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_one.py").write_text("raise OSError('libllama.so is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExportError, match=r"got: OSError: libllama\.so is missing"):
        wait_for(build(tmp_path, "broken_one"), None, print, 5)


def test_a_build_is_waited_for_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    log, lines = tmp_path / "log", []
    log.write_text("[ 10%] Building\n[ 20%] Building ggml.c.o\n\n")
    timer = threading.Timer(0.5, (tmp_path / "late_one.py").write_text, ["ready = True"])
    timer.start()
    wait_for(build(tmp_path, "late_one", os.getpid()), log, lines.append, 60)
    timer.join()
    assert lines[0].startswith("late_one is being compiled, waited 0 s: [ 20%] Building ggml.c.o")


def test_a_build_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ExportError, match="within 0 s, got: still compiling"):
        wait_for(build(tmp_path, "absent_one", os.getpid()), None, print, 0.2)
    assert time.monotonic() - started < 5
