"""Runs that were killed with their process: Dagster takes them for running, and their place in a pool for taken, for ever.

Its daemon clears up only while it runs, and knows nothing of a run that the command line made.
"""

import psutil
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

RUNNING = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
CLOCK_SECONDS = 1.0


def end_dead_runs(instance: DagsterInstance) -> list[str]:
    """Marks runs whose process is gone as failed, and frees what ended runs still hold in the pools.

    Returns:
        The ids of the runs that were marked.
    """
    dead = [run for run in instance.get_runs(RunsFilter(statuses=RUNNING)) if _is_gone(instance, run.run_id)]
    for run in dead:
        instance.report_run_failed(run, "The process of the run was killed. What it had finished is kept.")
    storage = instance.event_log_storage
    for run_id in storage.get_concurrency_run_ids():
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            storage.free_concurrency_slots_for_run(run_id)
    return [run.run_id for run in dead]


def _is_gone(instance: DagsterInstance, run_id: str) -> bool:
    """Whether the process that said it executes the run does not live; False for a run that has not said so yet."""
    for record in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = record.dagster_event
        entry = event.engine_event_data.metadata.get("pid") if event is not None else None
        if entry is not None:
            return not _lived(int(str(entry.value)), record.timestamp)
    return False


def _lived(pid: int, when: float) -> bool:
    """Whether a process that runs now ran then already: the number of a dead one may have been given to another."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= when + CLOCK_SECONDS)
    except psutil.NoSuchProcess:
        return False
