"""The one resource of the assets: it puts the right product on the bench, and reads its recipe afresh in every run."""

import dagster as dg

from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import find_project
from llmops_assets.recipes.loading import find_recipe, load_recipes


class WorkshopResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Recipes, data, store and state of this project; LLMOPS_* variables say where they are."""

    override_reason: str = ""
    """Set at launch to let red gates pass; it is recorded beside the verdict that it overrides."""

    def of(self, context: dg.AssetExecutionContext) -> Workshop:
        """The workshop of the run's product."""
        project = find_project()
        recipe = find_recipe(load_recipes(project.recipes), context.partition_key)
        return Workshop(project, recipe, context.log.info, self.override_reason)
