"""Where a product stands: newest artifacts, gates as the recipe judges them now, what serves."""

from typing import Any

from llmops_assets.gates import Metric, judge
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.workshop import Workshop


def gate_rows(shop: Workshop) -> list[dict[str, Any]]:
    """The evaluation gates of the newest report; empty where there is none yet."""
    report = shop.store.find("eval_report", shop.product)
    if report is None:
        return []
    metrics = {name: Metric(**value) for name, value in report.metadata["metrics"].items()}
    return judge(metrics, graph.gates_of("eval_report", shop.recipe)).rows()


def product_status(shop: Workshop) -> dict[str, Any]:
    """One JSON-able record of a product."""
    artifacts = {
        node.name: artifact.digest
        for node in graph.NODES
        if (artifact := shop.store.find(node.name, shop.product)) is not None
    }
    rows = gate_rows(shop)
    red = [row["metric"] for row in rows if row["blocking"] and row["outcome"] != "passed"]
    return {
        "product": shop.product,
        "version": shop.recipe.product.version,
        "state": "never evaluated" if not rows else f"red: {', '.join(red)}" if red else "green",
        "artifacts": artifacts,
        "gates": rows,
        "serving": _serving(shop),
    }


def _serving(shop: Workshop) -> str:
    deployed = shop.store.find("ollama_deployment", shop.product)
    return str(deployed.metadata["shown"].get("production", "")) if deployed else ""
