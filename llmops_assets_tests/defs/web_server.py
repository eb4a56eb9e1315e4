"""The real web server with its daemon on a little project, and the few GraphQL calls that its own pages make."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets_tests.tiny_project import TinyProject, free_port

PATIENCE_S = 300.0
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""
BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
RUNS = """
query Runs($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs(limit: 50) { status tags { key value } } } ... on PythonError { message }
  }
}"""
RUN = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
CHECKS = """
query Checks($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name partitionStatuses { ... on AssetCheckDefaultPartitionStatuses { succeededPartitions failedPartitions } }
  } } } } }
}"""
OVER = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass(frozen=True)
class WebServer:
    """A server that answers."""

    url: str
    log: Path

    def ask(self, query: str, **variables: Any) -> Any:
        """One GraphQL call: the value of its one field."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = json.load(reply)
        assert "errors" not in found, found["errors"]
        (value,) = found["data"].values()
        return value

    def materialise(self, assets: Sequence[str], product: str) -> str:
        """Launches assets of one product as their page does; returns how the run ended."""
        selector = {
            "repositoryLocationName": "llmops_assets",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]} for asset in assets],
        }
        tags = [{"key": "dagster/partition", "value": product}]
        launched = self.ask(
            LAUNCH, params={"mode": "default", "selector": selector, "executionMetadata": {"tags": tags}}
        )
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run = launched["run"]["runId"]
        self.wait(lambda: self.ask(RUN, id=run)["status"] in OVER)
        return str(self.ask(RUN, id=run)["status"])

    def backfill(self, assets: Sequence[str], products: Sequence[str]) -> dict[str, str]:
        """Launches a backfill; product -> how its run ended, which the backfill's own status does not tell."""
        selection = [{"path": [asset]} for asset in assets]
        launched = self.ask(BACKFILL, params={"assetSelection": selection, "partitionNames": list(products)})
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        name = launched["backfillId"]
        self.wait(lambda: len(self._ended(name)) == len(products))
        return self._ended(name)

    def _ended(self, backfill: str) -> dict[str, str]:
        runs = self.ask(RUNS, id=backfill)["runs"]
        tags = [{tag["key"]: tag["value"] for tag in run["tags"]} for run in runs]
        return {
            tag["dagster/partition"]: run["status"]
            for run, tag in zip(runs, tags, strict=True)
            if run["status"] in OVER
        }

    def check(self, asset: str, name: str) -> dict[str, list[str]]:
        """The products for which a check passed and failed."""
        checks = self.ask(CHECKS, asset={"path": [asset]})["assetChecksOrError"]["checks"]
        (statuses,) = (check["partitionStatuses"] for check in checks if check["name"] == name)
        return dict(statuses)

    def wait(self, done: Callable[[], bool]) -> None:
        """Waits until something is so."""
        end = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end, self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
            time.sleep(0.5)


@contextlib.contextmanager
def web_server(project: TinyProject) -> Iterator[WebServer]:
    """`llmops dev` on a free port, until the block ends."""
    port, log = free_port(), project.root / "web_server.log"
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
    server = WebServer(f"http://127.0.0.1:{port}", log)
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
