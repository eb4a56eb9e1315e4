"""llama-cpp-python: waited for, because it comes as source only and may still be compiling, and kept quiet."""

import contextlib
import ctypes
import importlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import ExportError

PERIOD_S = 10.0
TIMEOUT_S = 1800.0
LOG_ERROR = 4
TO_DO = "run `make install-native`"


@dataclass(frozen=True)
class Build:
    """A module that somebody may be building.

    Attributes:
        module: its name.
        marker: a file that holds the builder's process id for as long as it builds.
        period_s: how often to look.
    """

    module: str
    marker: Path
    period_s: float = PERIOD_S

    def defect(self) -> str:
        """Why the module cannot be imported; empty where it can.

        Another process tries: a native library that is half there can end the one that loads it.
        """
        if self.module in sys.modules:
            return ""
        importlib.invalidate_caches()
        if importlib.util.find_spec(self.module) is None:
            return "it is not installed"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-c", f"import {self.module}"]
        tried = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        said = [line for line in tried.stderr.splitlines() if line.strip()]
        return "" if tried.returncode == 0 else said[-1] if said else f"exit code {tried.returncode}"

    def under_way(self) -> bool:
        """Whether the builder lives: a marker left by a killed one does not count."""
        try:
            os.kill(int(self.marker.read_text(encoding="utf-8")), 0)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True


def wait_for_llama_cpp(log_file: Path | None, report: Callable[[str], None], timeout_s: float = TIMEOUT_S) -> None:
    """Returns as soon as `llama_cpp` can be imported.

    Args:
        log_file: what the builder writes; its last line is reported.
        report: called with one line every ten seconds of waiting.
        timeout_s: after how many seconds to give up.

    Raises:
        ExportError: it is neither there nor being built, or was not ready in time.
    """
    wait_for(Build("llama_cpp", Path(sys.prefix) / "llama_cpp.building"), log_file, report, timeout_s)


def wait_for(build: Build, log_file: Path | None, report: Callable[[str], None], timeout_s: float) -> None:
    """See `wait_for_llama_cpp`."""
    started = time.monotonic()
    while True:
        # Asked in this order, a build that ends between the two questions has left its module.
        building, defect = build.under_way(), build.defect()
        waited = time.monotonic() - started
        if not defect:
            return
        if not building:
            raise ExportError(f"expected the module {build.module}, got: {defect}, and nobody builds it; {TO_DO}")
        if waited > timeout_s:
            raise ExportError(f"expected {build.module} within {timeout_s:.0f} s, got: still compiling; {TO_DO}")
        report(f"{build.module} is being compiled, waited {waited:.0f} s{_last_line(log_file)}")
        time.sleep(build.period_s)


def _last_line(log_file: Path | None) -> str:
    lines: list[str] = []
    if log_file is not None:
        with contextlib.suppress(OSError):
            lines = [
                line for line in log_file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
            ]
    return f": {lines[-1].strip()[:100]}" if lines else ""


class ErrorLines(list[str]):
    """What llama.cpp says went wrong in this process; all else that it says is dropped."""

    def listen(self) -> "ErrorLines":
        """Takes llama.cpp's log over; keep the object for as long as llama.cpp is used."""
        import llama_cpp

        self._callback = llama_cpp.llama_log_callback(self._take)
        llama_cpp.llama_log_set(self._callback, ctypes.c_void_p(0))
        return self

    def _take(self, level: int, text: bytes, _: Any) -> None:
        if level == LOG_ERROR:
            self.append(text.decode("utf-8", errors="replace").strip())
