"""The resources and the executor that all runs use."""

import dagster as dg

from llmops_assets.resources.workshop import WorkshopResource


@dg.definitions
def resources() -> dg.Definitions:
    """In-process by default: heavy steps are child processes anyway, and a step costs 0.2 s instead of 4."""
    return dg.Definitions(resources={"workshop": WorkshopResource()}, executor=dg.in_process_executor)
