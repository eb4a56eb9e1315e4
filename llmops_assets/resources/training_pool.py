"""The pool that trainings share: how many of them run at once."""

from dagster import DagsterInstance

from llmops_assets.machine import AtOnce

POOL = "training"
SET_BY_US = "llmops/trainings"
"""Where the instance keeps the limit that was set here last: one that differs was set by a person."""


def limit_trainings(instance: DagsterInstance, asked: AtOnce | None, fitting: AtOnce) -> AtOnce:
    """Sets the pool's limit: what is asked for; else what a person has set; else what fits the machine.

    Returns:
        The limit that holds now, and why.
    """
    theirs = None if asked else _set_by_a_person(instance)
    if theirs is not None:
        return AtOnce(theirs, f"the limit of the pool {POOL} was set by hand")
    chosen = asked or fitting
    instance.event_log_storage.set_concurrency_slots(POOL, chosen.count)
    instance.run_storage.set_cursor_values({SET_BY_US: str(chosen.count)})
    return chosen


def _set_by_a_person(instance: DagsterInstance) -> int | None:
    ours = instance.run_storage.get_cursor_values({SET_BY_US}).get(SET_BY_US)
    for pool in instance.event_log_storage.get_pool_limits():
        if pool.name == POOL and not pool.from_default and str(pool.limit) != ours:
            return pool.limit
    return None
