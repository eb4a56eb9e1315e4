"""git by its command line: it never asks anybody, ends after a while with all it started, and its words hold no password."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llmops_assets.errors import DataBranchError

PATIENCE_S = 20.0
"""For one command of a tick, which has two or three that go over the network: Dagster gives it 60 s."""
PROTOCOLS = "file:https:ssh"
OF_ONE_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)
"""What git sets for its hooks; a daemon that was started from one would look into the wrong repository."""
USERINFO = re.compile(r"(?<=://)[^/\s]*@")


def git(
    *arguments: str, repository: Path | None = None, stdout: int | None = None, patience_s: float = PATIENCE_S
) -> str:
    """Runs git and returns what it prints.

    Args:
        arguments: the command and its arguments; what comes from outside stands behind `--` or begins with refs/.
        repository: a bare one; none for commands that need none.
        stdout: where the output goes instead, a file's number.
        patience_s: after how many seconds it is killed, with all that it started.

    Raises:
        DataBranchError: git is not there, failed, or took too long; credentials in its message are starred.
    """
    where = () if repository is None else (f"--git-dir={repository}",)
    command = ["git", *where, *arguments]
    child = _start(command, subprocess.PIPE if stdout is None else stdout)
    try:
        out, said = child.communicate(timeout=patience_s)
    except BaseException as error:
        # The whole group: what it started, such as ssh, holds its pipes and would outlive it.
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        problem = f"expected `{_shown(command)}` to end within {patience_s:g} s, it did not; run it once by hand"
        raise DataBranchError(problem) from None
    if child.returncode:
        words = redacted(" ".join(said.decode(errors="replace").split())) or f"exit code {child.returncode}"
        raise DataBranchError(f"expected `{_shown(command)}` to succeed, got: {words}")
    return (out or b"").decode(errors="surrogateescape")


def _start(command: Sequence[str], stdout: int) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            # Not where we stand: that may be a repository of another kind.
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise DataBranchError("expected the program git on the PATH, found none; install it") from error


def redacted(text: str) -> str:
    """The text with stars for user and password in addresses."""
    return USERINFO.sub("***@", text)


def _shown(command: Sequence[str]) -> str:
    return redacted(" ".join(command))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_ONE_REPOSITORY}
    ssh = kept.get("GIT_SSH_COMMAND", "ssh")
    return {
        # Empty, not absent: no program that opens a window to ask is looked for. A person's own stays.
        "GIT_ASKPASS": "",
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes",
        "GIT_ALLOW_PROTOCOL": PROTOCOLS,
        "LC_ALL": "C",
    }
