"""A gateway process, and what its metrics say."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from llmops_assets.storage import atomic

WAIT_S = 60.0


@dataclass(frozen=True)
class RunningGateway:
    """A gateway that listens."""

    http: httpx.Client
    folder: Path
    process: "subprocess.Popen[bytes]"

    def ask(self, product: str, text: str = "remind me to call Ana") -> httpx.Response:
        return self.http.post(f"/{product}/task", json={"text": text})

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        families = text_string_to_metric_families(self.http.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == metric]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def wait_ready(self) -> dict[str, Any]:
        end = time.monotonic() + WAIT_S
        while (reply := self.http.get("/health")).status_code != 200:
            assert time.monotonic() < end, reply.text
            time.sleep(0.1)
        found: dict[str, Any] = reply.json()
        return found


@contextlib.contextmanager
def running_gateway(folder: Path, url: str, products: list[dict[str, Any]]) -> Iterator[RunningGateway]:
    """Starts one and ends it with the block."""
    atomic.write_json(folder / "gateway.json", {"url": url, "products": products})
    command = [sys.executable, "-m", "llmops_assets_tests.deployment.gateway_main", str(folder)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        end = time.monotonic() + WAIT_S
        while not (folder / "url").exists():
            assert process.poll() is None, "the gateway ended"
            assert time.monotonic() < end, "the gateway does not listen"
            time.sleep(0.05)
        with httpx.Client(base_url=(folder / "url").read_text(), timeout=WAIT_S) as http:
            yield RunningGateway(http, folder, process)
    finally:
        process.terminate()
        process.wait(WAIT_S)
