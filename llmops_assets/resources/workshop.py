"""The one resource of the assets: it puts the right product on the bench, and reads its recipe afresh in every run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from llmops_assets.errors import NotStartedError
from llmops_assets.overrides import read_override
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project, find_project
from llmops_assets.recipes.loading import find_recipe, load_recipe, load_recipes
from llmops_assets.resources.run_history import RunHistory
from llmops_assets.triggers.data_source import DataSource, Snapshot, find_data_source
from llmops_assets.triggers.ordering import order, ordered_recipe
from llmops_assets.triggers.orders import RunOrder


class WorkshopResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Recipes, data, store and state of this project; LLMOPS_* variables say where they are."""

    override: str = ""
    """`Name: reason`, set at launch by who lets red gates pass in this run; it is recorded in the verdicts on them."""
    recipe_file: str = ""
    """Set at launch to run the product by another recipe than the one in the recipes folder."""

    def of(self, context: dg.AssetExecutionContext) -> Workshop:
        """The workshop of the run's product: with the data and under the version that the run was ordered for.

        Raises:
            GateError: the override lacks a name or a reason.
            RecipeError: the product's recipe cannot be read: the step fails with what is wrong with it.
            NotStartedError: an earlier step of this run failed, and the recipe says that this stops the run.
            DataBranchError: the data that it was ordered for cannot be had.
        """
        project, ordered = self.project(), RunOrder.of(context.run.tags)
        if self.recipe_file:
            recipe = load_recipe(Path(self.recipe_file))
        else:
            recipe = find_recipe(load_recipes(project.recipes), context.partition_key)
        if recipe.stop_on_failure:
            _stop_after_failure(context)
        if ordered.data_commit:
            project = replace(project, data_version=self.data_source().folder(ordered.data_commit))
        return Workshop(project, ordered_recipe(recipe, ordered), context.log.info, read_override(self.override))

    def all(self, products: Sequence[str]) -> list[Workshop]:
        """The workshops of products as their recipes say, for whoever decides whether to order a run.

        One whose recipe cannot be read is left out: its data wait until it can.
        """
        project = self.project()
        recipes = load_recipes(project.recipes)
        return [Workshop(project, recipes[product], lambda _: None) for product in products if product in recipes]

    def orders(self, reasons: Mapping[str, str], now: Snapshot, runs: RunHistory) -> dict[str, RunOrder]:
        """Product -> the order for a reason, on the data as they are now."""
        today = datetime.now(UTC).date()
        return {
            shop.product: order(shop, reasons[shop.product], now, runs.last_green(shop.product), today)
            for shop in self.all(list(reasons))
        }

    def data_source(self) -> DataSource:
        """Where training data come from."""
        return find_data_source(self.project())

    def project(self) -> Project:
        """Where things are."""
        return find_project()


def _stop_after_failure(context: dg.AssetExecutionContext) -> None:
    stats = context.instance.get_run_step_stats(context.run.run_id)
    failed = [step.step_key for step in stats if step.status is not None and step.status.value == "FAILURE"]
    if failed:
        raise NotStartedError(f"not started, because {failed[0]} failed and the recipe says stop_on_failure")
