"""A real Ray cluster of several nodes on this machine; a node is a tree of processes, and can be killed like a machine."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from llmops_assets_tests.tiny_project import free_port

PATIENCE_S = 120.0
SMALL = ("--disable-usage-stats", f"--object-store-memory={100 << 20}")


@dataclass
class RayCluster:
    """A head and whatever joined it.

    Attributes:
        folder: Ray's own files and logs; short, for sockets lie in it.
        address: where nodes join.
        api: where jobs are handed in.
    """

    folder: Path
    address: str
    api: str
    nodes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, environment: Mapping[str, str], *arguments: str) -> None:
        """Starts a node with two cores of its own, and waits until the cluster counts it."""
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=2", *arguments]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.nodes[name] = subprocess.Popen(
                [*command, *SMALL, f"--dashboard-agent-listen-port={free_port()}"],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for_nodes(len(self.nodes))

    def wait_for_nodes(self, count: int) -> None:
        """Waits until so many nodes live."""
        end = time.monotonic() + PATIENCE_S
        while self.alive() != count:
            assert time.monotonic() < end, "\n".join(
                path.read_text(encoding="utf-8", errors="replace")[-3000:] for path in self.folder.glob("*.log")
            )
            time.sleep(0.5)

    def alive(self) -> int:
        """How many nodes the cluster counts; 0 where its head does not answer yet."""
        try:
            reply = httpx.get(f"{self.api}/api/v0/nodes", timeout=10, trust_env=False)
            rows = reply.json()["data"]["result"]["result"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return 0
        return sum(row["state"] == "ALIVE" for row in rows)

    def kill(self, name: str) -> None:
        """The machine goes: every process of the node, at once."""
        process = self.nodes.pop(name)
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for member in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
        process.wait()


@contextlib.contextmanager
def ray_cluster(environment: Mapping[str, str]) -> Iterator[RayCluster]:
    """A cluster whose head has started, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    port, dashboard = free_port(), free_port()
    cluster = RayCluster(folder, f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}")
    try:
        cluster.start(
            "head",
            environment,
            "--head",
            "--node-ip-address=127.0.0.1",
            f"--port={port}",
            "--include-dashboard=true",
            "--dashboard-host=127.0.0.1",
            f"--dashboard-port={dashboard}",
            f"--temp-dir={folder}",
        )
        yield cluster
    finally:
        for name in list(cluster.nodes)[::-1]:
            cluster.kill(name)
        shutil.rmtree(folder, ignore_errors=True)
