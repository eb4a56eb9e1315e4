"""The catalogue of all products: one self-contained HTML page for buyers, and the same as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from llmops_assets.errors import PackagingError
from llmops_assets.gates import Verdict
from llmops_assets.overrides import OverrideRecord
from llmops_assets.productization.documents import KEY_MEASURES, template_environment
from llmops_assets.productization.measures import Measure
from llmops_assets.productization.pricing import BundlePrice, bundle_price
from llmops_assets.recipes.product import ProductConfig
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class CatalogRow:
    """One product in the catalogue.

    Attributes:
        product: the recipe's section.
        gates: the verdict on its evaluation; None where nothing was judged yet.
        bundle: the summary that lies beside its archive (`bundle.json`); None where there is none.
        void: why the verdict counts for nothing; empty where it counts.
        judged: the SHA-256 of the file that the verdict is on.
    """

    product: ProductConfig
    gates: Verdict | None
    bundle: Mapping[str, Any] | None
    void: str = ""
    judged: str = ""

    @property
    def obstacle(self) -> str:
        """Why it is not for sale; empty where it is."""
        if self.gates is None:
            return "not evaluated yet"
        if self.void:
            return self.void
        if self.bundle is None:
            return "its gates are green, the bundle is not built yet" if self.gates.passed else "a gate is red"
        if self.bundle["manifest"]["version"] != self.product.version:
            return f"the bundle is still of version {self.bundle['manifest']['version']}"
        if self.bundle["manifest"]["model_sha256"] != self.judged:
            return "the bundle holds another file than the one that was judged"
        return "" if self.gates.passed or self.overridden else "a gate is red"

    @property
    def overridden(self) -> tuple[str, ...]:
        """Who let which red gates into the bundle, and why, a line each."""
        rows = self.bundle["manifest"]["gates"].get("overrides", ()) if self.bundle else ()
        return tuple(OverrideRecord(**row).line for row in rows)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures of the bundle's file that a buyer compares by."""
        rows = self.bundle["measures"] if self.bundle else ()
        return tuple(Measure(**row) for row in rows if row["name"] in KEY_MEASURES)


def write_catalog(work: Path, rows: Sequence[CatalogRow]) -> dict[str, Any]:
    """Writes `catalog.html` and `catalog.json` into `work`; the same rows give the same bytes.

    Returns:
        JSON-able metadata: counts, and the table as markdown.

    Raises:
        PackagingError: there is no product, or two have one name.
    """
    names = [row.product.product_name for row in rows]
    if not rows or len(set(names)) < len(names):
        raise PackagingError(
            f"expected products with different names for the catalogue, got {names}; look at the recipes"
        )
    bundles = offers([row.product for row in rows if not row.obstacle])
    atomic.write_json(
        work / "catalog.json", {"products": [_entry(row) for row in rows], "bundles": [_offer(one) for one in bundles]}
    )
    atomic.write_text(work / "catalog.html", render_catalog(rows, bundles))
    return {
        "products": len(rows),
        "for_sale": sum(not row.obstacle for row in rows),
        "bundle_offers": len(bundles),
        "table": _markdown(rows),
    }


def offers(products: Sequence[ProductConfig]) -> list[BundlePrice]:
    """Prices of all products together and of every pair, on each tier that all of them have; cheaper than apart only."""
    sizes = sorted({2, len(products)} - {0, 1}, reverse=True)
    found = (price for size in sizes for chosen in combinations(products, size) for price in _on_every_tier(chosen))
    return [price for price in found if price.saving_percent > 0]


def _on_every_tier(chosen: Sequence[ProductConfig]) -> Iterator[BundlePrice]:
    for tier in chosen[0].pricing_tiers:
        others = [product.tier(tier.name) for product in chosen]
        if all(other is not None and other.currency == tier.currency for other in others):
            yield bundle_price(chosen, tier.name)


def render_catalog(rows: Sequence[CatalogRow], bundles: Sequence[BundlePrice]) -> str:
    """The page: inline style, no script, no request to anywhere."""
    dates = [row.bundle["manifest"]["build_date"][:10] for row in rows if row.bundle]
    keys = sorted({row.bundle["manifest"]["signing_key"] for row in rows if row.bundle})
    groups: dict[tuple[str, ...], list[BundlePrice]] = {}
    for price in bundles:
        groups.setdefault(price.products, []).append(price)
    template = template_environment(autoescape=True).get_template("catalog/catalog.html.j2")
    sellers = sorted({row.product.seller for row in rows})
    return str(template.render(rows=rows, groups=groups, as_of=max(dates, default=""), keys=keys, sellers=sellers))


def _entry(row: CatalogRow) -> dict[str, Any]:
    product, bundle = row.product, row.bundle
    return {
        "name": product.product_name,
        "version": product.version,
        "versions": [release.version for release in product.releases],
        "tagline": product.tagline,
        "for_sale": not row.obstacle,
        "obstacle": row.obstacle,
        "measures": [asdict(measure) for measure in row.measures],
        "gates": {"passed": row.gates.passed, "results": row.gates.rows()} if row.gates else None,
        "overrides": list(row.overridden),
        "pricing_tiers": [tier.model_dump() for tier in product.pricing_tiers],
        "license": product.license_terms.name,
        "archive": {key: bundle[key] for key in ("archive", "sha256", "size")} if bundle else None,
        "signing_key": bundle["manifest"]["signing_key"] if bundle else None,
    }


def _offer(price: BundlePrice) -> dict[str, Any]:
    return {**asdict(price), "saving_percent": price.saving_percent}


def _markdown(rows: Sequence[CatalogRow]) -> str:
    lines = ["| product | version | natural accuracy | 95% interval | n | for sale |", "|---|---|---|---|---|---|"]
    for row in rows:
        first = row.measures[0] if row.measures else None
        numbers = f"{first.shown} | {first.interval} | {first.n}" if first else "not measured | none | 0"
        sold = row.obstacle or "; ".join(["yes", *row.overridden])
        lines.append(f"| {row.product.product_name} | {row.product.version} | {numbers} | {sold} |")
    return "\n".join(lines) + "\n"
