"""What the pages of the UI ask the web server for: launch, backfill, cancel, execute again, and how it all went."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets_tests.defs.web_server import WebServer

OVER = ("SUCCESS", "FAILURE", "CANCELED")
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""
AGAIN = """
mutation Again($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""
BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
CANCEL_RUN = """
mutation Cancel($id: String!) { terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure { message } ... on PythonError { message }
} }"""
CANCEL_BACKFILL = """
mutation Cancel($id: String!) { cancelPartitionBackfill(backfillId: $id) {
  __typename ... on PythonError { message }
} }"""
BACKFILL_STATUS = """
query Status($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } ... on PythonError { message }
} }"""
RUNS = """
query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
  runId status creationTime startTime endTime tags { key value }
} } ... on PythonError { message } } }"""
MADE = """
query Made($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on MaterializationEvent { stepKey metadataEntries { label ... on BoolMetadataEntry { boolValue } } }
} } } }"""
POOL = """
query Pool($name: String!) { instance { concurrencyLimit(concurrencyKey: $name) {
  limit claimedSlots { runId stepKey } pendingSteps { runId assignedTimestamp }
} } }"""
LIMIT = """
mutation Limit($name: String!, $limit: Int!) { setConcurrencyLimit(concurrencyKey: $name, limit: $limit) }"""
CHECKS = """
query Checks($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name partitionStatuses { ... on AssetCheckDefaultPartitionStatuses { succeededPartitions failedPartitions } }
  } } } } }
}"""


@dataclass(frozen=True)
class Run:
    """A run as the list of runs shows it.

    Attributes:
        start: seconds since 1970, 0 where it has not started.
        end: the same, 0 where it has not ended.
    """

    id: str
    status: str
    created: float
    start: float
    end: float
    tags: dict[str, str]

    @property
    def product(self) -> str:
        """Its partition."""
        return self.tags["dagster/partition"]

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in OVER


@dataclass(frozen=True)
class Ui:
    """A person before the UI of a server."""

    server: WebServer

    def launch(self, assets: Sequence[str], product: str) -> str:
        """Launches assets of one product as their page does; returns the run's id."""
        selector = {
            "repositoryLocationName": "llmops_assets",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [asset]} for asset in assets],
        }
        tags = [{"key": "dagster/partition", "value": product}]
        return self._run_of(LAUNCH, {"mode": "default", "selector": selector, "executionMetadata": {"tags": tags}})

    def again(self, run: str) -> str:
        """Executes a failed run again from where it failed; returns the new run's id."""
        return self._run_of(AGAIN, {"parentRunId": run, "strategy": "FROM_FAILURE"})

    def _run_of(self, mutation: str, params: dict[str, Any]) -> str:
        launched = self.server.ask(mutation, params=params)
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, assets: Sequence[str], products: Sequence[str]) -> str:
        """Launches a backfill of assets over products; returns its id."""
        selection = [{"path": [asset]} for asset in assets]
        launched = self.server.ask(BACKFILL, params={"assetSelection": selection, "partitionNames": list(products)})
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def cancel_run(self, run: str) -> None:
        """The button Terminate."""
        said = self.server.ask(CANCEL_RUN, id=run)
        assert said["__typename"] == "TerminateRunSuccess", said

    def cancel_backfill(self, backfill: str) -> None:
        """The button Cancel backfill."""
        said = self.server.ask(CANCEL_BACKFILL, id=backfill)
        assert said["__typename"] == "CancelBackfillSuccess", said

    def backfill_status(self, backfill: str) -> str:
        """What Dagster says of a backfill, which is no verdict."""
        return str(self.server.ask(BACKFILL_STATUS, id=backfill)["status"])

    def runs(self, backfill: str = "", **wanted: Any) -> list[Run]:
        """The runs of a backfill, or those that a RunsFilter wants, the oldest first."""
        wanted = {"tags": [{"key": "dagster/backfill", "value": backfill}]} if backfill else wanted
        found = self.server.ask(RUNS, filter=wanted)["results"]
        return sorted(map(_run, found), key=lambda run: run.created)

    def run(self, run: str) -> Run:
        """One run."""
        (found,) = self.runs(runIds=[run])
        return found

    def ended(self, run: str) -> Run:
        """Waits until a run has ended."""
        self.server.wait(lambda: self.run(run).over)
        return self.run(run)

    def ended_backfill(self, backfill: str, count: int) -> dict[str, str]:
        """Waits until so many runs of a backfill have ended; product -> how its run did, which its status does not tell."""
        self.server.wait(lambda: sum(run.over for run in self.runs(backfill)) >= count)
        return {run.product: run.status for run in self.runs(backfill)}

    def made(self, run: str) -> dict[str, bool]:
        """The assets that a run materialised -> whether they were taken from the cache."""
        events = [event for event in self.server.ask(MADE, id=run)["events"] if event]
        return {
            event["stepKey"]: any(
                entry["label"] == "cached" and entry["boolValue"] for entry in event["metadataEntries"]
            )
            for event in events
        }

    def pool(self, name: str = "training") -> dict[str, Any]:
        """A pool's limit, who holds its slots, and who waits for one."""
        return dict(self.server.ask(POOL, name=name)["concurrencyLimit"])

    def limit_pool(self, limit: int, name: str = "training") -> None:
        """Sets a pool's limit on the page Deployment, Concurrency."""
        assert self.server.ask(LIMIT, name=name, limit=limit)

    def check(self, asset: str, name: str) -> dict[str, list[str]]:
        """The products for which a check passed and failed."""
        checks = self.server.ask(CHECKS, asset={"path": [asset]})["assetChecksOrError"]["checks"]
        (statuses,) = (check["partitionStatuses"] for check in checks if check["name"] == name)
        return dict(statuses)


def _run(found: dict[str, Any]) -> Run:
    return Run(
        id=found["runId"],
        status=found["status"],
        created=found["creationTime"],
        start=found["startTime"] or 0.0,
        end=found["endTime"] or 0.0,
        tags={tag["key"]: tag["value"] for tag in found["tags"]},
    )
