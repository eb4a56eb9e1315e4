"""A server with Ollama's API on a library folder: `start` and `find_running` for whoever needs one, `main` for the process itself.

server.json in the folder says where it answers: {"pid": 4711, "started": "2026-01-31T10:00:00.000000000Z", "url": "http://127.0.0.1:11434"}
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import ServingError, StoreError
from llmops_assets.serving.folder_lock import STATE, is_locked
from llmops_assets.storage import atomic

QUIET = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "PYTHONUNBUFFERED": "1"}
LOG = "server.log"
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
ANSWER_SECONDS = 5.0
# A child stays a zombie until its parent asks for it, and its end of the pipe stays open as long as this holds it.
_CHILDREN: "dict[int, subprocess.Popen[bytes]]" = {}


@dataclass(frozen=True)
class RunningServer:
    """A server that answers."""

    url: str
    pid: int
    folder: Path

    def stop(self) -> None:
        """Lets running requests finish, within limits, and ends the server; nothing happens where it has ended already."""
        end = time.monotonic() + STOP_SECONDS
        while is_locked(self.folder) and time.monotonic() < end:
            _signal(self.pid, signal.SIGTERM)
            _reap(self.pid, 1.0)
            _wait_unlocked(self.folder, 1.0)
        if is_locked(self.folder):
            _signal(self.pid, signal.SIGKILL)
            _wait_unlocked(self.folder, 5.0)
        _reap(self.pid, 5.0)


def start(
    folder: Path,
    *,
    port: int | None,
    slots: int = 2,
    host: str = "127.0.0.1",
    detached: bool = False,
    timeout_s: float = 60,
) -> RunningServer:
    """Starts a server in a process of its own and waits until it answers.

    Args:
        folder: where its models lie; made where it is missing.
        port: a TCP port; a free one where None.
        slots: requests that a model works on at once.
        host: the address to listen on.
        detached: outlive this process, with the log in the folder; otherwise it goes when this process goes.
        timeout_s: how long to wait for the first answer.

    Raises:
        ServingError: the port is taken, another server has the folder, or it did not come up in time.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "llmops_assets.serving.embedded_server", "--models", str(folder)]
    command += ["--host", host, "--port", str(port or 0), "--slots", str(slots)]
    with (folder / LOG).open("ab") as log:
        at = log.tell()
        child = subprocess.Popen(
            [*command, *([] if detached else ["--until-stdin-closes"])],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**QUIET, **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    _CHILDREN[child.pid] = child
    return _wait_for_answer(folder, child, at, timeout_s)


def find_running(folder: Path) -> RunningServer | None:
    """The server that has this folder and answers, if there is one."""
    try:
        state = atomic.read_json(folder / STATE)
        server = RunningServer(state["url"], state["pid"], folder.resolve())
    except (StoreError, OSError, KeyError, TypeError):
        return None
    return server if is_locked(folder) and _is_alive(server.pid) and _answers(server.url) else None


def _wait_for_answer(folder: Path, child: "subprocess.Popen[bytes]", log_from: int, timeout_s: float) -> RunningServer:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if child.poll() is not None:
            _reap(child.pid, 0)
            raise ServingError(
                _last_line(folder / LOG, log_from) or f"the server ended with exit code {child.returncode}"
            )
        server = find_running(folder)
        if server is not None and server.pid == child.pid:
            return server
        time.sleep(POLL_SECONDS)
    child.kill()
    _reap(child.pid, 5.0)
    raise ServingError(
        f"expected a server for {folder} to answer within {timeout_s:.0f} s, got nothing; see {folder / LOG}"
    )


def _last_line(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/version", timeout=ANSWER_SECONDS) as reply:
            return "version" in json.load(reply)
    except (OSError, ValueError):
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_unlocked(folder: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while is_locked(folder) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)


def _reap(pid: int, seconds: float) -> None:
    child = _CHILDREN.get(pid)
    if child is None:
        return
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
        if child.stdin:
            child.stdin.close()
        del _CHILDREN[pid]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the server's process."""
    parser = argparse.ArgumentParser(description="Serves GGUF models with Ollama's API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11434, help="0 takes a free one")
    parser.add_argument("--models", type=Path, required=True, help="the folder of the models")
    parser.add_argument("--slots", type=int, default=2, help="requests that a model works on at once")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when the other end of stdin goes")
    given = parser.parse_args(arguments)
    from llmops_assets.serving.serving_process import serve

    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        serve(given.models, given.host, given.port, given.slots, until_stdin_closes=given.until_stdin_closes)
    except ServingError as error:
        print(f"embedded server: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
