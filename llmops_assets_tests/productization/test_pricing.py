"""Prices of products and of several together."""

import pytest

from llmops_assets.errors import LicenceError
from llmops_assets.productization.pricing import bundle_price, discount_percent, money, price_per_thousand
from llmops_assets.recipes.product import BundleDiscount, PricingTier
from llmops_assets_tests.productization.made_product import TIERS, made_product


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(500, "USD 500"), (1500.0, "USD 1,500"), (99.5, "USD 99.50"), (0, "USD 0"), (None, "on request")],
)
def test_money_reads_like_money(amount: float | None, shown: str) -> None:
    assert money(amount, "USD") == shown


@pytest.mark.parametrize(("together", "percent"), [(1, 0), (2, 10), (3, 20), (9, 20)])
def test_the_best_discount_that_is_reached_counts(together: int, percent: float) -> None:
    assert discount_percent(made_product(), together) == percent


def test_each_product_grants_its_own_discount_on_its_own_price() -> None:
    generous = made_product("DocWriter", bundle_discounts=(BundleDiscount(products=2, percent=50),))
    stingy = made_product("CodeReviewer", bundle_discounts=())
    price = bundle_price([generous, stingy], "Starter")
    assert (price.list_price, price.price, price.saving_percent) == (1000, 750, 25)


def test_a_price_on_request_makes_the_bundle_one() -> None:
    price = bundle_price([made_product(), made_product("DocWriter")], "Enterprise")
    assert (price.list_price, price.price, price.saving_percent) == (None, None, 0)


def test_currencies_are_not_added_up() -> None:
    euros = made_product("DocWriter", pricing_tiers=[tier.model_copy(update={"currency": "EUR"}) for tier in TIERS])
    with pytest.raises(LicenceError, match="EUR, USD"):
        bundle_price([made_product(), euros], "Starter")


@pytest.mark.parametrize(("tier", "price"), [("Starter", 50), ("Professional", 15), ("Enterprise", None)])
def test_price_of_a_thousand_requests(tier: str, price: float | None) -> None:
    found = made_product().tier(tier)
    assert isinstance(found, PricingTier)
    assert price_per_thousand(found) == price
