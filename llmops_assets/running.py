"""Runs the Dagster jobs of one product in this process: what the command line and `make run` call.

The run is recorded in the Dagster instance of the project, so the UI shows it like any other.
"""

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmops_assets.errors import RecipeError
from llmops_assets.pipeline import graph, result
from llmops_assets.pipeline.result import StepOutcome
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project


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
        override: a reason for letting red gates pass; recorded.
        recipe_file: the recipe that `shop` was made from, where it is not in the recipes folder.

    Raises:
        RecipeError: there is no such stage.
    """
    if stage and stage not in graph.STAGES:
        raise RecipeError(f"expected one of the stages {', '.join(graph.STAGES)}, got {stage}")
    dagster_home(shop.project)
    started = time.monotonic()
    settings = {"override_reason": override, "recipe_file": str(Path(recipe_file).resolve()) if recipe_file else ""}
    outcomes = _execute(shop, f"build_{stage}" if stage else "build_product", settings)
    found = result.pipeline_result(shop, outcomes, time.monotonic() - started)
    if found["success"] and not shop.recipe.save_intermediate:
        shop.drop_intermediate()
    result.write_result(shop.store.root / "results" / shop.product / "pipeline_result.json", found)
    result.write_result(shop.project.root / "pipeline_result.json", found)
    return found


def _execute(shop: Workshop, job_name: str, settings: dict[str, str]) -> list[StepOutcome]:
    import dagster as dg

    from llmops_assets.definitions import defs

    definitions = defs()
    job = definitions.resolve_job_def(job_name)
    config: dict[str, Any] = {"loggers": {"progress": {}}, "resources": {"workshop": {"config": settings}}}
    with dg.DagsterInstance.get() as instance:
        done = job.execute_in_process(
            run_config=config, partition_key=shop.product, instance=instance, raise_on_error=False
        )
        if done.success and job_name in ("build_product", "build_productization"):
            catalog = definitions.resolve_job_def("update_catalog")
            catalog.execute_in_process(
                run_config={"loggers": config["loggers"]}, instance=instance, raise_on_error=False
            )
        return _outcomes(done.all_events)


def _outcomes(events: Sequence[Any]) -> list[StepOutcome]:
    found = []
    for event in events:
        name = event.step_key
        if name is None or name not in graph.BY_NAME:
            continue
        if event.event_type_value == "STEP_SUCCESS":
            found.append(StepOutcome(name, True, event.step_success_data.duration_ms / 1000))
        elif event.event_type_value == "STEP_FAILURE":
            found.append(StepOutcome(name, False, 0.0, _reason(event)))
    return found


def _reason(event: Any) -> str:
    """The innermost message on one line: the library's wrapping says nothing to a person."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    text = error.message if error is not None else "failed without an error"
    return " ".join(text.split(": ", 1)[-1].split())
