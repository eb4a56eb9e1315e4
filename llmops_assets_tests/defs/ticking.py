"""Ticks of the real sensors on an instance, with what Dagster makes of their requests: runs, one a key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from llmops_assets.definitions import defs

Status = dg.DagsterRunStatus


@cache
def repository() -> dg.RepositoryDefinition:
    """The definitions, as ticks want them."""
    return defs().get_repository_def()


@dataclass
class Ticking:
    """A sensor, its cursor, and the runs that its ticks have led to."""

    sensor: dg.SensorDefinition
    instance: dg.DagsterInstance
    job: str = "build_product"
    cursor: str | None = None
    reason: str = ""
    runs: list[dg.DagsterRun] = field(default_factory=list)

    def tick(self, status: Status = Status.SUCCESS) -> dict[str, dg.RunRequest]:
        """Product -> what this tick asks for; each becomes a run of this status, except where its key had one."""
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=repository(), resources=defs().resources
        ) as context:
            found = self.sensor.evaluate_tick(context)
        self.cursor, self.reason = found.cursor or self.cursor, found.skip_message or ""
        requests = found.run_requests or []
        self.launch(requests, status)
        return {str(request.partition_key): request for request in requests}

    def launch(self, requests: Sequence[dg.RunRequest], status: Status = Status.SUCCESS) -> None:
        """Makes runs of requests."""
        self.runs += [self._run(request, status) for request in requests if self._is_new(request)]

    def end(self) -> None:
        """The runs that go on end green."""
        for run in self.instance.get_runs(dg.RunsFilter(statuses=[Status.STARTED])):
            green = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, job_name=run.job_name)
            self.instance.report_dagster_event(green, run.run_id)

    def _is_new(self, request: dg.RunRequest) -> bool:
        tags = {"dagster/run_key": request.run_key or ""}
        return not request.run_key or self.instance.get_runs_count(dg.RunsFilter(tags=tags)) == 0

    def _run(self, request: dg.RunRequest, status: Status) -> dg.DagsterRun:
        tags = {
            **request.tags,
            "dagster/partition": str(request.partition_key),
            "dagster/run_key": request.run_key or "",
        }
        return create_run_for_test(self.instance, job_name=self.job, tags=tags, status=status)
