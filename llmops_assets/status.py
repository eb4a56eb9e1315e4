"""Where a product stands: newest artifacts, gates as the recipe judges them now, what serves, and what is damaged."""

from dataclasses import dataclass, field
from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.overridden import overrides_above
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage.artifact_store import Artifact
from llmops_assets.verdicts import Standing


def gate_rows(shop: Workshop) -> list[dict[str, Any]]:
    """The evaluation gates of the newest report; empty where there is none yet, or it is damaged."""
    standing = _survey(shop).standing
    return standing.verdict.rows() if standing else []


def override_lines(shop: Workshop) -> list[str]:
    """Who let which red gates through on the way to what the product is now, a line each."""
    return [record.line for record in overrides_above(shop.store, shop.product, graph.NODES[-1].name)]


def product_status(shop: Workshop) -> dict[str, Any]:
    """One JSON-able record of a product."""
    found = _survey(shop)
    deployed = found.artifacts.get("ollama_deployment")
    return {
        "product": shop.product,
        "version": shop.recipe.product.version,
        "state": _state(found),
        "artifacts": {name: artifact.digest for name, artifact in found.artifacts.items()},
        "damaged": found.damaged,
        "gates": found.standing.verdict.rows() if found.standing else [],
        "overrides": override_lines(shop),
        "serving": str(deployed.metadata["shown"].get("production", "")) if deployed else "",
    }


def unread_status(product: str, message: str) -> dict[str, Any]:
    """The same record of a product whose recipe cannot be read."""
    nothing: dict[str, Any] = {"version": "", "artifacts": {}, "damaged": {}, "gates": [], "serving": ""}
    return {"product": product, "state": f"no recipe: {message}", **nothing}


@dataclass
class _Survey:
    """The newest artifacts, what is wrong with those that are damaged, each by asset, and what the verdict is worth."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    standing: Standing | None = None


def _survey(shop: Workshop) -> _Survey:
    found = _Survey()
    for node in graph.NODES:
        try:
            artifact = shop.store.find(node.name, shop.product)
            if artifact is not None and node.name == "eval_report":
                found.standing = shop.standing(artifact)
        except StoreError as error:
            found.damaged[node.name] = str(error)
            continue
        if artifact is not None:
            found.artifacts[node.name] = artifact
    return found


def _state(found: _Survey) -> str:
    if found.damaged:
        return f"damaged: {'; '.join(found.damaged.values())}"
    if found.standing is None:
        return "never evaluated"
    red = [result.gate.metric for result in found.standing.verdict.red]
    said = [f"red: {', '.join(red)}"] if red else []
    return "; ".join(said + ([found.standing.void] if found.standing.void else [])) or "green"
