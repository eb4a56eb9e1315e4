"""Installs a bundle as its buyer would: unpacked into an empty folder, by its own script, and asked one question."""

import contextlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import PackagingError
from llmops_assets.productization.archive import safe_extract

ANSWER = re.compile(r"^answered: (?P<text>.*?)\n\d+ tokens in [\d.]+ s$", re.MULTILINE | re.DOTALL)
"""What the bundle's example prints; an answer may have several lines."""


@dataclass(frozen=True)
class BuyerTrial:
    """What the installed product said to its example request, and how long it all took."""

    answer: str
    seconds: float
    log: str


def try_as_buyer(archive: Path, folder: Path, *, python: Path, port: int, limit_s: float = 600) -> BuyerTrial:
    """Unpacks, installs, asks, and stops the server again.

    Args:
        archive: the bundle.
        folder: an empty folder to install into.
        python: a Python that has the pinned packages, so that nothing is fetched.
        port: a free port on the loopback address.
        limit_s: how long the installation may take.

    Raises:
        PackagingError: the folder is not empty, or the installation failed; the message ends as its log does.
    """
    if folder.exists() and any(folder.iterdir()):
        raise PackagingError(f"expected an empty folder to install {archive.name} into, got {folder}; name another")
    started, root = time.monotonic(), safe_extract(archive, folder)
    command = ["sh", str(root / "deployment/scripts/install.sh"), "--python", str(python), "--port", str(port)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise PackagingError(
            f"expected {archive.name} to install within {limit_s:.0f} s; look at {root}/.run"
        ) from error
    finally:
        _stop_server(root / ".run/server.pid")
    answer = ANSWER.search(done.stdout)
    if done.returncode != 0 or answer is None:
        end = " / ".join((done.stdout + done.stderr).strip().splitlines()[-4:])
        raise PackagingError(f"expected {archive.name} to install and answer, got status {done.returncode}: {end}")
    return BuyerTrial(answer["text"], round(time.monotonic() - started, 1), done.stdout)


def _stop_server(pid_file: Path) -> None:
    """Asks the server to stop and waits until its port is free again, as far as that can be seen from outside."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
