"""Where a product stands: newest artifacts, gates as the recipe judges them now, what serves, and what is damaged."""

from typing import Any

from llmops_assets.errors import StoreError
from llmops_assets.gates import Metric, judge
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage.artifact_store import Artifact


def gate_rows(shop: Workshop) -> list[dict[str, Any]]:
    """The evaluation gates of the newest report; empty where there is none yet, or it is damaged."""
    return _gates_of(shop, _survey(shop)[0].get("eval_report"))


def product_status(shop: Workshop) -> dict[str, Any]:
    """One JSON-able record of a product."""
    artifacts, damaged = _survey(shop)
    rows = _gates_of(shop, artifacts.get("eval_report"))
    deployed = artifacts.get("ollama_deployment")
    return {
        "product": shop.product,
        "version": shop.recipe.product.version,
        "state": _state(rows, damaged),
        "artifacts": {name: artifact.digest for name, artifact in artifacts.items()},
        "damaged": damaged,
        "gates": rows,
        "serving": str(deployed.metadata["shown"].get("production", "")) if deployed else "",
    }


def unread_status(product: str, message: str) -> dict[str, Any]:
    """The same record of a product whose recipe cannot be read."""
    nothing: dict[str, Any] = {"version": "", "artifacts": {}, "damaged": {}, "gates": [], "serving": ""}
    return {"product": product, "state": f"no recipe: {message}", **nothing}


def _survey(shop: Workshop) -> tuple[dict[str, Artifact], dict[str, str]]:
    """The newest artifacts, and what is wrong with those that are damaged, each by asset."""
    artifacts: dict[str, Artifact] = {}
    damaged: dict[str, str] = {}
    for node in graph.NODES:
        try:
            artifact = shop.store.find(node.name, shop.product)
        except StoreError as error:
            damaged[node.name] = str(error)
            continue
        if artifact is not None:
            artifacts[node.name] = artifact
    return artifacts, damaged


def _gates_of(shop: Workshop, report: Artifact | None) -> list[dict[str, Any]]:
    if report is None:
        return []
    metrics = {name: Metric(**value) for name, value in report.metadata["metrics"].items()}
    return judge(metrics, graph.gates_of("eval_report", shop.recipe)).rows()


def _state(rows: list[dict[str, Any]], damaged: dict[str, str]) -> str:
    if damaged:
        return f"damaged: {'; '.join(damaged.values())}"
    red = [row["metric"] for row in rows if row["blocking"] and row["outcome"] != "passed"]
    return "never evaluated" if not rows else f"red: {', '.join(red)}" if red else "green"
