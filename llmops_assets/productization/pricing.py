"""What it costs: one product's tiers as rows, and several products together."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmops_assets.errors import LicenceError
from llmops_assets.recipes.product import PricingTier, ProductConfig


@dataclass(frozen=True)
class BundlePrice:
    """Several products on the same tier for one monthly price. `price` is None where one of them is on request."""

    products: tuple[str, ...]
    tier: str
    currency: str
    list_price: float | None
    price: float | None

    @property
    def saving_percent(self) -> float:
        """How much less than the sum it is, in percent."""
        if not self.list_price or self.price is None:
            return 0.0
        return round(100 * (1 - self.price / self.list_price), 1)


def money(amount: float | None, currency: str) -> str:
    """A price in words: `USD 1,500`, `EUR 99.50`, `on request`."""
    if amount is None:
        return "on request"
    return f"{currency} {amount:,.0f}" if amount == round(amount) else f"{currency} {amount:,.2f}"


def price_per_thousand(tier: PricingTier) -> float | None:
    """What 1,000 requests cost where the tier is used to its limit."""
    if tier.monthly_price is None or tier.requests_per_month is None:
        return None
    return round(1000 * tier.monthly_price / tier.requests_per_month, 2)


def discount_percent(product: ProductConfig, together: int) -> float:
    """What a product grants on its own price when `together` products are bought."""
    return max((rule.percent for rule in product.bundle_discounts if rule.products <= together), default=0.0)


def bundle_price(products: Sequence[ProductConfig], tier: str) -> BundlePrice:
    """The price of several products on one tier; each gives its own discount on its own price.

    Raises:
        LicenceError: a product has no such tier, or the currencies differ.
    """
    offers = [_tier(product, tier) for product in products]
    currencies = {offer.currency for offer in offers}
    if len(currencies) != 1:
        raise LicenceError(f"expected one currency in a bundle, got {', '.join(sorted(currencies))}; sell them apart")
    names = tuple(product.product_name for product in products)
    prices = [offer.monthly_price for offer in offers]
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return BundlePrice(names, tier, offers[0].currency, None, None)
    shares = [1 - discount_percent(product, len(products)) / 100 for product in products]
    together = sum(price * share for price, share in zip(known, shares, strict=True))
    return BundlePrice(names, tier, offers[0].currency, round(sum(known), 2), round(together, 2))


def _tier(product: ProductConfig, name: str) -> PricingTier:
    found = product.tier(name)
    if found is None:
        known = ", ".join(tier.name for tier in product.pricing_tiers)
        raise LicenceError(f"expected a tier of {product.product_name} ({known}), got {name}")
    return found
