"""What this machine can do, each finding with its reason."""

import shutil
import socket
from dataclasses import dataclass

import psutil

from llmops_assets.machine import usable_cores
from llmops_assets.project import Project

GIB = 2**30


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    subject: str
    finding: str
    reason: str


def examine(project: Project) -> list[Finding]:
    """Backend, cores, memory, disk, ports and model server."""
    from llmops_assets.training.backends import choose_backend

    backend = choose_backend("auto")
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(project.root)
    return [
        Finding("backend", f"{backend.library} on {backend.device}", backend.reason),
        Finding("cores", str(usable_cores()), "training and evaluation use all of them, one after the other"),
        Finding("memory", f"{memory.available / GIB:.1f} GiB free", "the default run peaks below 12 GiB"),
        Finding("disk", f"{disk.free / GIB:.0f} GiB free", "one product takes about 3 GiB, half of it for one version"),
        Finding("server", *_server()),
        Finding("promtool", *_tool("promtool", "prometheus")),
    ]


def _server() -> tuple[str, str]:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        taken = probe.connect_ex(("127.0.0.1", 11434)) == 0
    if taken:
        return "something on port 11434", "a server answers there: it is used if it speaks Ollama's API"
    return "embedded", "nothing answers on 127.0.0.1:11434, so the embedded server will"


def _tool(name: str, package: str) -> tuple[str, str]:
    found = shutil.which(name)
    return (
        (found, "alert rules are checked")
        if found
        else ("missing", f"Debian package {package}: alert rules are not checked")
    )
