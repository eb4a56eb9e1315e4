"""The `product` section of a recipe: what is sold, at which price, under which terms."""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
SEMVER = r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.]+)?$"


class ProductSection(BaseModel):
    """Frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PricingTier(ProductSection):
    """One offer. An empty price is agreed on in person; an empty limit is no limit."""

    name: Text
    monthly_price: float | None = Field(ge=0, allow_inf_nan=False, description="null: on request")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    deployments: int | None = Field(ge=1, description="installations at a time; null: unlimited")
    requests_per_month: int | None = Field(ge=1, description="null: unlimited")
    support_hours: int = Field(ge=1, description="first answer to a support request, in hours")
    features: tuple[Text, ...] = ()


class BundleDiscount(ProductSection):
    """What this product grants on its own price when it is bought together with others."""

    products: int = Field(ge=2, description="from so many products on, this one included")
    percent: float = Field(gt=0, lt=100)


class LicenseTerms(ProductSection):
    """What the buyer may and may not do; `acknowledged` lists special licences that the seller has read and accepts."""

    name: Text = "Commercial Product Licence 1.0"
    allowed: tuple[Text, ...] = (
        "install and run the product on infrastructure that you own or control",
        "integrate it into your own applications and sell those applications",
        "use it commercially, and keep all output that it gives you",
    )
    forbidden: tuple[Text, ...] = (
        "redistribute the model weights or the archive to third parties",
        "remove the attributions in THIRD_PARTY_NOTICES.md",
        "train a competing model on the output of this one",
    )
    acknowledged: tuple[Text, ...] = Field(
        default=(), description="licence ids with conditions of their own, accepted by name"
    )


class Release(ProductSection):
    """One entry of the changelog; its date is the bundle's build date."""

    version: str = Field(pattern=SEMVER)
    date: date
    changes: tuple[Text, ...] = Field(min_length=1)


class ProductConfig(ProductSection):
    """All that the buyer's documents say and that no measurement can tell."""

    product_name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$", description="the partition key")
    version: str = Field(pattern=SEMVER)
    tagline: Text
    description: Text
    seller: Text
    contact: Text = Field(description="e-mail or address of a page")
    pricing_tiers: tuple[PricingTier, ...] = Field(min_length=1)
    bundle_discounts: tuple[BundleDiscount, ...] = ()
    license_terms: LicenseTerms = LicenseTerms()
    releases: tuple[Release, ...] = Field(min_length=1, description="newest first; must hold `version`")
    documentation_paths: tuple[str, ...] = Field(
        default=(), description="extra files for docs/, relative to the project"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [tier.name for tier in self.pricing_tiers]
        if len(set(names)) < len(names):
            raise ValueError(f"expected tiers with different names, got {', '.join(names)}")
        if len({tier.currency for tier in self.pricing_tiers}) > 1:
            raise ValueError("expected one currency for all tiers")
        if self.version not in [release.version for release in self.releases]:
            raise ValueError(f"expected an entry for version {self.version} in releases; say what changed")
        return self

    @property
    def slug(self) -> str:
        """The name in files, tags and hosts: `taskmaster`."""
        return self.product_name.lower().replace("_", "-")

    @property
    def release(self) -> Release:
        """The changelog entry of the version that is built."""
        return next(release for release in self.releases if release.version == self.version)

    def released_as(self, version: str, on: date, change: str) -> "ProductConfig":
        """The same product under another version; one that `releases` does not name gets an entry of its own."""
        entry = {"version": version, "date": on, "changes": [change]}
        known = version in [release.version for release in self.releases]
        releases = [release.model_dump() for release in self.releases]
        return ProductConfig.model_validate(
            {**self.model_dump(), "version": version, "releases": releases if known else [entry, *releases]}
        )

    def tier(self, name: str) -> PricingTier | None:
        """The tier of this name, or None."""
        return next((tier for tier in self.pricing_tiers if tier.name == name), None)
