"""Versions that nobody numbered, the recipe of an order, and the tags that carry it."""

import pytest

from llmops_assets.pipeline.graph import example_recipe
from llmops_assets.triggers.ordering import next_version, ordered_recipe
from llmops_assets.triggers.orders import RunOrder


@pytest.mark.parametrize(
    ("recipe", "taken", "expected"),
    [
        ("1.0.0", [], "1.0.0"),
        ("0.0.1", [], "0.0.1"),
        ("1.0.0", ["1.0.0"], "1.0.1"),
        ("1.0.0", ["1.0.0", "1.0.9", "1.0.10"], "1.0.11"),
        ("1.1.0", ["1.0.0", "1.0.1"], "1.1.0"),
        ("1.0.0", ["2.3.4"], "2.3.5"),
        ("1.2.0", ["1.2.0-rc1"], "1.2.1"),
    ],
)
def test_new_data_get_the_next_free_version(recipe: str, taken: list[str], expected: str) -> None:
    assert next_version(recipe, taken) == expected


def test_an_order_travels_as_tags() -> None:
    order = RunOrder("new data: raw", data_commit="3f9c", version="1.0.1", version_date="2026-11-29")
    assert order.tags == {
        "llmops/reason": "new data: raw",
        "llmops/data_commit": "3f9c",
        "llmops/version": "1.0.1",
        "llmops/version_date": "2026-11-29",
    }
    assert RunOrder.of({**order.tags, "dagster/partition": "TaskMaster"}) == order


def test_a_version_that_the_recipe_does_not_name_gets_an_entry_in_the_changelog() -> None:
    order = RunOrder("new data: raw", version="1.0.1", version_date="2026-11-29", version_change="new data: raw")
    product = ordered_recipe(example_recipe(), order).product
    assert product.version == "1.0.1"
    assert (product.release.date.isoformat(), product.release.changes) == ("2026-11-29", ("new data: raw",))
    assert [release.version for release in product.releases] == ["1.0.1", "0.0.1"]


def test_a_version_that_the_recipe_names_keeps_its_entry() -> None:
    order = RunOrder("release v0.0.1", version="0.0.1", version_date="2026-11-29", version_change="other words")
    assert ordered_recipe(example_recipe(), order) == example_recipe()


def test_a_run_that_nobody_ordered_goes_by_the_recipe() -> None:
    assert ordered_recipe(example_recipe(), RunOrder.of({"dagster/partition": "x"})) == example_recipe()
