"""Heavy stages in a child process: a group of its own that dies with its parent, beats, streams its lines, and returns JSON.

`python -m llmops_assets.processes FOLDER` is the child's side; FOLDER holds call.json, then heartbeat.json and result.json.
"""

import contextlib
import ctypes
import importlib
import json
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmops_assets import errors
from llmops_assets.errors import LLMOpsError, StageProcessError, StoreError
from llmops_assets.storage.atomic import disk_problem, read_json, refused, write_json

BEAT_SECONDS = 2.0
SILENT_SECONDS = 300.0
GRACE_SECONDS = 5.0
LAST_LINES = 12
PR_SET_PDEATHSIG = 1
RAISED = "\x1eraised "
"""Begins the line that says what a stage raised: the pipe takes it also when the disk takes nothing more."""
QUIET = {
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONUNBUFFERED": "1",
}


def run_stage(
    module_function: str,
    spec: dict[str, Any],
    work: Path,
    log: Callable[[str], None],
    *,
    silent_s: float = SILENT_SECONDS,
) -> dict[str, Any]:
    """Calls `module:function(spec, work)` in a child process and returns the dictionary that it returns.

    Args:
        module_function: `package.module:function`.
        spec: JSON values only.
        work: the folder the function writes into; `.stage` in it is used while the child runs, and kept when it fails.
        log: called with each line that the child prints.
        silent_s: after how many seconds without a beat and without a line the child is killed.

    Raises:
        LLMOpsError: what the function raised, with the same class and message.
        StoreError: the disk took nothing more.
        StageProcessError: the function raised something else, or the child crashed, was killed, or gave no sign of
            life; the message holds the error or the child's last lines.
    """
    folder = work / ".stage"
    shutil.rmtree(folder, ignore_errors=True)
    call = {"function": module_function, "spec": spec, "work": str(work), "parent": os.getpid()}
    write_json(folder / "call.json", call)
    child = _start(folder)
    said = Said(log)
    try:
        code = _follow(child, folder, said, silent_s)
    finally:
        _end_group(child)
    if code == 0:
        result: dict[str, Any] = read_json(folder / "result.json")
        shutil.rmtree(folder)
        return result
    raise _failure(module_function, code, said)


class Said:
    """What a child has said so far: all lines go to the log, the last ones and the error are kept."""

    def __init__(self, log: Callable[[str], None]) -> None:
        """Nothing yet."""
        self.log = log
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.raised: dict[str, str] = {}
        self.heard = time.time()

    def take(self, line: str) -> None:
        """One line."""
        self.heard = time.time()
        words, found, raised = line.partition(RAISED)
        if found:
            self.raised = json.loads(raised)
        if words or not found:
            self.last.append(words)
            self.log(words)


def _start(folder: Path) -> "subprocess.Popen[str]":
    paths = [path for path in sys.path if path]
    return subprocess.Popen(
        [sys.executable, "-m", "llmops_assets.processes", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**QUIET, **os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def _follow(child: "subprocess.Popen[str]", folder: Path, said: Said, silent_s: float) -> int:
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(child, lines), daemon=True).start()
    while True:
        with contextlib.suppress(queue.Empty):
            line = lines.get(timeout=BEAT_SECONDS)
            if line is None:
                return child.wait()
            said.take(line)
            continue
        if child.poll() is not None and lines.empty():
            return child.returncode
        if time.time() - max(said.heard, _last_beat(folder)) > silent_s:
            raise StageProcessError(
                f"expected a sign of life of the child in {folder}, got none for {silent_s:.0f} s; it was killed, run again"
            )


def _read(child: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    assert child.stdout is not None
    for line in child.stdout:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _last_beat(folder: Path) -> float:
    try:
        return (folder / "heartbeat.json").stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _end_group(child: "subprocess.Popen[str]") -> None:
    """Leaves nothing of the child's group behind, whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _failure(name: str, code: int, said: Said) -> LLMOpsError:
    if said.raised:
        kind: type[LLMOpsError] | None = getattr(errors, said.raised["class"], None)
        message = said.raised["message"]
        return kind(message) if kind else StageProcessError(f"{name} raised {said.raised['class']}: {message}")
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    tail = " | ".join(line for line in said.last if line.strip()) or "nothing"
    return StageProcessError(f"{name} {how}; expected a result; its last lines: {tail}")


def child_main(folder: Path) -> int:
    """The child's side of `run_stage`."""
    call = read_json(folder / "call.json")
    _die_with(call["parent"])
    threading.Thread(target=_beat, args=(folder,), daemon=True).start()
    module, _, name = call["function"].partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(call["spec"], Path(call["work"]))
        write_json(folder / "result.json", result)
    except Exception as error:
        _tell(error, Path(call["work"]))
        return 1
    return 0


def _tell(error: Exception, work: Path) -> None:
    """Says what was raised: for people where it was not expected, and in one line for the parent."""
    problem = "" if isinstance(error, LLMOpsError) else disk_problem(error)
    if problem:
        error = StoreError(refused(work, problem))
    elif not isinstance(error, LLMOpsError):
        traceback.print_exc()
    value = {"class": type(error).__name__, "message": " ".join(str(error).split())}
    sys.stdout.write(f"{RAISED}{json.dumps(value)}\n")
    sys.stdout.flush()


def _die_with(parent: int) -> None:
    """Ends the whole group when the parent goes: its end of our stdin closes, and Linux signals as well."""
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_wait_for_parent, daemon=True).start()
    if os.getppid() != parent:
        os.killpg(0, signal.SIGKILL)


def _wait_for_parent() -> None:
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)


def _beat(folder: Path) -> None:
    while folder.exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        with contextlib.suppress(OSError, LLMOpsError):
            write_json(folder / "heartbeat.json", {"pid": os.getpid(), "time": time.time(), "peak_memory_gib": peak})
        time.sleep(BEAT_SECONDS)


if __name__ == "__main__":
    sys.exit(child_main(Path(sys.argv[1])))
