"""From a wish to an order: which data, and under which version what comes of them is released."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.recipes.schema import Recipe
from llmops_assets.storage import atomic
from llmops_assets.triggers.data_source import Parts, Snapshot
from llmops_assets.triggers.orders import RunOrder


def order(shop: Workshop, reason: str, now: Snapshot, last: RunOrder, today: date) -> RunOrder:
    """An order on the data as they are now.

    Data and recipe of the last green run are ordered as they were then: all is cached, and nothing is released anew.
    """
    parts = now.trees[shop.product]
    inputs = inputs_of(shop.recipe, parts)
    data = RunOrder(reason, now.commit, parts["raw"], inputs)
    if last.inputs == inputs:
        kept = {name: getattr(last, name) for name in ("version", "version_date", "version_change")}
        return replace(data, **kept)
    version = next_version(shop.recipe.product.version, ReleaseRecord(rollout_state(shop) / RECORD).versions())
    return replace(data, version=version, version_date=today.isoformat(), version_change=reason)


def ordered_recipe(recipe: Recipe, wanted: RunOrder) -> Recipe:
    """The recipe that an order is carried out by: its own version, else the recipe's.

    Raises:
        ValueError: the version is none.
    """
    if not wanted.version:
        return recipe
    on = date.fromisoformat(wanted.version_date)
    product = recipe.product.released_as(wanted.version, on, wanted.version_change or wanted.reason)
    return recipe.model_copy(update={"product": product})


def inputs_of(recipe: Recipe, parts: Parts) -> str:
    """The digest of all that decides what a run builds, code aside."""
    return atomic.sha256_json({"recipe": recipe.model_dump(mode="json"), "data": dict(parts)})[:16]


def next_version(recipe_version: str, taken: Iterable[str]) -> str:
    """The recipe's version where it is above all that served, else the highest that did with its last number raised.

    A version means one file for ever, so new data need a new one.
    """
    highest = max(map(numbers, taken), default=(-1, 0, 0))
    if numbers(recipe_version) > highest:
        return recipe_version
    major, minor, patch = highest
    return f"{major}.{minor}.{patch + 1}"


def numbers(version: str) -> tuple[int, int, int]:
    """`1.4.0-rc1` as 1, 4, 0."""
    major, minor, patch = (int(number) for number in version.split("-", 1)[0].split("."))
    return major, minor, patch
