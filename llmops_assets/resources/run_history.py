"""What the runs of the past tell a trigger: who is at work, what was asked for, and what was green last."""

from dataclasses import dataclass

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from llmops_assets.triggers.orders import RunOrder

JOB = "build_product"
UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class RunHistory:
    """The runs of an instance."""

    instance: DagsterInstance

    def busy(self, product: str, job: str = JOB) -> bool:
        """Whether a run of a job, the whole chain's where none is named, waits or goes on."""
        return self._any(RunsFilter(job_name=job, statuses=UNFINISHED, tags={"dagster/partition": product}))

    def used(self, key: str) -> bool:
        """Whether a run has this run key."""
        return self._any(RunsFilter(tags={"dagster/run_key": key}))

    def last_green(self, product: str) -> RunOrder:
        """The order behind the last green run of the whole chain; an empty one where there is none."""
        green = RunsFilter(job_name=JOB, statuses=[DagsterRunStatus.SUCCESS], tags={"dagster/partition": product})
        runs = self.instance.get_runs(green, limit=1)
        return RunOrder.of(runs[0].tags) if runs else RunOrder()

    def _any(self, wanted: RunsFilter) -> bool:
        return self.instance.get_runs_count(wanted) > 0
