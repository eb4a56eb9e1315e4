"""The product section of a recipe."""

from typing import Any

import pytest
from pydantic import ValidationError

from llmops_assets.recipes.product import PricingTier
from llmops_assets_tests.productization.made_product import TIERS, made_product


def test_a_whole_section_is_read() -> None:
    product = made_product()
    assert (product.slug, product.release.changes, len(product.pricing_tiers)) == (
        "taskmaster",
        ("understands repetitions",),
        3,
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "1.4"}, "version"),
        ({"version": "1.5.0"}, "say what changed"),
        ({"product_name": "Task Master"}, "product_name"),
        ({"pricing_tiers": ()}, "pricing_tiers"),
        ({"pricing_tiers": (TIERS[0], TIERS[0])}, "different names"),
        ({"pricing_tiers": (TIERS[0], TIERS[1].model_copy(update={"currency": "EUR"}))}, "one currency"),
        ({"tagline": "  "}, "tagline"),
        ({"price": 3}, "price"),
    ],
)
def test_a_wrong_section_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        made_product(**changes)


@pytest.mark.parametrize("price", [-1, float("inf"), float("nan")])
def test_a_price_is_a_number_that_can_be_paid(price: float) -> None:
    with pytest.raises(ValidationError):
        PricingTier(name="x", monthly_price=price, deployments=1, requests_per_month=1, support_hours=1)
