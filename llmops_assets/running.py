"""Runs the Dagster jobs of one product in this process: what the command line and `make run` call.

The run is recorded in the Dagster instance of the project, so the UI shows it like any other.
"""

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import LLMOpsError, RecipeError
from llmops_assets.overrides import read_override
from llmops_assets.pipeline import graph, result
from llmops_assets.pipeline.result import StepOutcome
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project
from llmops_assets.triggers.data_source import DataFolder
from llmops_assets.triggers.ordering import inputs_of
from llmops_assets.triggers.orders import RunOrder


def dagster_home(project: Project) -> Path:
    """The instance's folder, set up on first use and put into the environment."""
    home = Path(os.environ.get("DAGSTER_HOME", project.home / "dagster")).resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = project.root / "dagster.yaml"
    if settings.exists() and not (home / "dagster.yaml").exists():
        shutil.copyfile(settings, home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def run_product(shop: Workshop, stage: str = "", override: str = "", recipe_file: str = "") -> dict[str, Any]:
    """Runs one product, or one stage of it, and writes `pipeline_result.json`.

    Args:
        shop: the product.
        stage: a stage of `graph.STAGES`; empty for the whole chain.
        override: "Name: reason" of who lets red gates through in this run; recorded in their verdicts.
        recipe_file: the recipe that `shop` was made from, where it is not in the recipes folder.

    Raises:
        RecipeError: there is no such stage.
        GateError: the override lacks a name or a reason.
    """
    read_override(override)
    if stage and stage not in graph.STAGES:
        raise RecipeError(f"expected one of the stages {', '.join(graph.STAGES)}, got {stage}")
    dagster_home(shop.project)
    started = time.monotonic()
    settings = {"override": override, "recipe_file": str(Path(recipe_file).resolve()) if recipe_file else ""}
    outcomes = _execute(shop, f"build_{stage}" if stage else "build_product", settings)
    found = result.pipeline_result(shop, outcomes, time.monotonic() - started)
    if found["success"] and not shop.recipe.save_intermediate:
        shop.drop_intermediate()
    folders = (shop.project.root, shop.store.root / "results" / shop.product)
    result.write_result([folder / "pipeline_result.json" for folder in folders], found)
    shop.store.keep(folders[1])
    return found


def _execute(shop: Workshop, job_name: str, settings: dict[str, str]) -> list[StepOutcome]:
    import dagster as dg

    from llmops_assets.definitions import defs
    from llmops_assets.resources.dead_runs import end_dead_runs

    definitions = defs()
    job = definitions.resolve_job_def(job_name)
    ordered = RunOrder(inputs=inputs_of(shop.recipe, DataFolder(shop.project.data).parts(shop.product)))
    config: dict[str, Any] = {"loggers": {"progress": {}}, "resources": {"workshop": {"config": settings}}}
    with dg.DagsterInstance.get() as instance:
        for run_id in end_dead_runs(instance):
            shop.report(f"run {run_id} was killed; it is closed, and its place in the pools is free again")
        done = job.execute_in_process(
            run_config=config,
            partition_key=shop.product,
            instance=instance,
            raise_on_error=False,
            tags=ordered.tags,
        )
        if done.success and job_name in ("build_product", "build_productization"):
            catalog = definitions.resolve_job_def("update_catalog")
            catalog.execute_in_process(
                run_config={"loggers": config["loggers"]}, instance=instance, raise_on_error=False
            )
        seconds = {
            step.step_key: step.end_time - step.start_time
            for step in instance.get_run_step_stats(done.run_id)
            if step.start_time is not None and step.end_time is not None
        }
        return _outcomes(shop, done.all_events, seconds)


def _outcomes(shop: Workshop, events: Sequence[Any], seconds: Mapping[str, float]) -> list[StepOutcome]:
    found = []
    for event in events:
        name = event.step_key
        if name is None or name not in graph.BY_NAME:
            continue
        if event.event_type_value == "STEP_SUCCESS":
            found.append(StepOutcome(name, True, seconds.get(name, 0.0)))
        elif event.event_type_value == "STEP_FAILURE":
            found.append(StepOutcome(name, False, seconds.get(name, 0.0), _reason(shop, name, event)))
    return found


def _reason(shop: Workshop, asset: str, event: Any) -> str:
    """What the step said, else the innermost message, on one line: the library's wrapping says nothing to a person."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None and error.cls_name != "Failure":
        error = error.cause
    if error is None:
        return "failed without an error"
    if error.cls_name == "DagsterAssetCheckFailedError":
        return _red_gates(shop, asset)
    return " ".join(error.message.split(": ", 1)[-1].split())


def _red_gates(shop: Workshop, asset: str) -> str:
    """Which gates of an asset are red, with the numbers: Dagster knows only the names of the checks."""
    try:
        return shop.standing(shop.store.latest(asset, shop.product)).problem or "a blocking check failed"
    except LLMOpsError as error:
        return str(error)
