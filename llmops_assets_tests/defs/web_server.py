"""The real web server with its daemon on a little project; `ui_calls` has what its own pages ask it for."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets_tests.tiny_project import TinyProject, free_port

PATIENCE_S = 300.0


@dataclass(frozen=True)
class WebServer:
    """A server that answers.

    Attributes:
        log: all that it and its daemon say.
        pid: of `llmops dev`, which leads a process group of its own.
    """

    url: str
    log: Path
    pid: int

    def ask(self, query: str, **variables: Any) -> Any:
        """One GraphQL call: the value of its one field."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = json.load(reply)
        assert "errors" not in found, found["errors"]
        (value,) = found["data"].values()
        return value

    def wait(self, done: Callable[[], bool]) -> None:
        """Waits until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            time.sleep(0.5)


@contextlib.contextmanager
def web_server(project: TinyProject) -> Iterator[WebServer]:
    """`llmops dev` on a free port, until the block ends."""
    port = free_port()
    log = project.root / f"web_server_{port}.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "llmops_assets", "dev", "--port", str(port)],
            cwd=project.root,
            env={**os.environ, **project.environment},
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )
    server = WebServer(f"http://127.0.0.1:{port}", log, process.pid)
    try:
        server.wait(lambda: process.poll() is not None or _answers(server))
        yield server
    finally:
        _end(process)


def _answers(server: WebServer) -> bool:
    try:
        return bool(server.ask("query { version }"))
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Its code servers outlive it by a heartbeat, so the whole group is ended."""
    for sign, patience in ((signal.SIGINT, 15), (signal.SIGKILL, 15)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
