"""Where steps run: in the run's own process, in processes beside it, on a Ray cluster, or in pods of their own."""

import os
from collections.abc import Callable

import dagster as dg

from llmops_assets.errors import RecipeError

VARIABLE = "LLMOPS_EXECUTOR"
ELSEWHERE = ("ray", "k8s")
"""Executors whose steps run on other machines than their run."""


def _ray() -> dg.ExecutorDefinition:
    from dagster_ray import ray_executor

    executor: dg.ExecutorDefinition = ray_executor
    return executor


def _k8s() -> dg.ExecutorDefinition:
    from dagster_k8s import k8s_job_executor

    executor: dg.ExecutorDefinition = k8s_job_executor
    return executor


EXECUTORS: dict[str, Callable[[], dg.ExecutorDefinition]] = {
    "in_process": lambda: dg.in_process_executor,
    "multiprocess": lambda: dg.multiprocess_executor,
    "ray": _ray,
    "k8s": _k8s,
}


def chosen_executor() -> dg.ExecutorDefinition:
    """The executor that LLMOPS_EXECUTOR names; in-process where it names none.

    Heavy work is a child process anyway, so a step in the run's process costs 0.2 s where one of its own costs 4.

    Raises:
        RecipeError: there is no such executor, or its library is not installed.
    """
    name = _name()
    if name not in EXECUTORS:
        raise RecipeError(f"expected {VARIABLE} to be one of {', '.join(EXECUTORS)}, got {name}")
    try:
        return EXECUTORS[name]()
    except ImportError as error:
        raise RecipeError(
            f"expected the libraries for {VARIABLE}={name}, got: {error}; pip install 'llmops_assets[cluster]'"
        ) from error


def lost_step_policy() -> dg.RetryPolicy | None:
    """Steps on other machines are tried again where the machine is lost; an error of their own is not (`showing.shown`).

    Not in the run's own process: there Dagster would take Ctrl-C for a loss, and begin the step anew.
    """
    return dg.RetryPolicy(max_retries=2) if _name() in ELSEWHERE else None


def _name() -> str:
    return os.environ.get(VARIABLE) or "in_process"
