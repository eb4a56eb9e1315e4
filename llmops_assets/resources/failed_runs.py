"""What could not be built and has not been built since: failed runs, by the step that failed.

A run that ended at a red gate is no failed run here: `gate_failed` tells of the gate, with its numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)

from llmops_assets.errors import NotStartedError
from llmops_assets.pipeline import graph

MOST_RUNS = 10
"""The failed runs of a product that are looked at, the newest first; a step that failed longer ago is no news."""
NOT_THE_CAUSE = ("DagsterAssetCheckFailedError", NotStartedError.__name__)
"""A red gate is told elsewhere, and a step that was left out has not failed."""


@dataclass(frozen=True)
class FailedStep:
    """One step, or a whole run that died between two.

    Attributes:
        name: the step's, or the job's.
        run_id: of its newest failure.
        reason: one line.
        at: seconds since 1970.
    """

    name: str
    run_id: str
    reason: str
    at: float


def failed_steps(instance: DagsterInstance, product: str) -> list[FailedStep]:
    """The steps of a product whose newest try failed, one each."""
    found: dict[str, FailedStep] = {}
    failures = RunsFilter(statuses=[DagsterRunStatus.FAILURE], tags={"dagster/partition": product})
    for run in instance.get_runs(failures, limit=MOST_RUNS):
        if run.tags.get("dagster/will_retry") == "true":
            continue
        for step in causes(instance, run):
            found.setdefault(step.name, step)
    return [step for step in found.values() if not _mended(instance, step, product)]


def causes(instance: DagsterInstance, run: DagsterRun) -> Iterator[FailedStep]:
    """What made a run fail, but for red gates: the steps that raised, or the end of the whole run."""
    entries = instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)
    for entry in entries:
        event = entry.dagster_event
        error = event.step_failure_data.error if event is not None else None
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None and error.cls_name in NOT_THE_CAUSE:
            continue
        reason = error.message.split(": ", 1)[-1] if error is not None else "failed without an error"
        yield FailedStep(str(entry.step_key), run.run_id, " ".join(reason.split()), entry.timestamp)
    if not entries:
        for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE):
            yield FailedStep(run.job_name, run.run_id, " ".join(entry.message.split()), entry.timestamp)


def _mended(instance: DagsterInstance, step: FailedStep, product: str) -> bool:
    """Whether it was built after it had failed."""
    if step.name in graph.BY_NAME:
        built = AssetRecordsFilter(AssetKey(step.name), asset_partitions=[product], after_timestamp=step.at)
        return bool(instance.fetch_materializations(built, limit=1).records)
    green = RunsFilter(job_name=step.name, statuses=[DagsterRunStatus.SUCCESS], tags={"dagster/partition": product})
    records = instance.get_run_records(green, limit=1)
    return bool(records) and (records[0].end_time or 0.0) > step.at
