"""The one resource of the assets: it puts the right product on the bench, and reads its recipe afresh in every run."""

from pathlib import Path

import dagster as dg

from llmops_assets.errors import LLMOpsError
from llmops_assets.overrides import read_override
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project, find_project
from llmops_assets.recipes.loading import find_recipe, load_recipe, load_recipes


class WorkshopResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Recipes, data, store and state of this project; LLMOPS_* variables say where they are."""

    override: str = ""
    """`Name: reason`, set at launch by who lets red gates pass in this run; it is recorded in the verdicts on them."""
    recipe_file: str = ""
    """Set at launch to run the product by another recipe than the one in the recipes folder."""

    def of(self, context: dg.AssetExecutionContext) -> Workshop:
        """The workshop of the run's product.

        Raises:
            GateError: the override lacks a name or a reason.
            LLMOpsError: an earlier step of this run failed, and the recipe says that this stops the run.
        """
        project = self.project()
        if self.recipe_file:
            recipe = load_recipe(Path(self.recipe_file))
        else:
            recipe = find_recipe(load_recipes(project.recipes), context.partition_key)
        if recipe.stop_on_failure:
            _stop_after_failure(context)
        return Workshop(project, recipe, context.log.info, read_override(self.override))

    def project(self) -> Project:
        """Where things are."""
        return find_project()


def _stop_after_failure(context: dg.AssetExecutionContext) -> None:
    stats = context.instance.get_run_step_stats(context.run.run_id)
    failed = [step.step_key for step in stats if step.status is not None and step.status.value == "FAILURE"]
    if failed:
        raise LLMOpsError(f"not started, because {failed[0]} failed and the recipe says stop_on_failure")
