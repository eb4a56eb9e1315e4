"""What is worth telling of a product now: blocking gates that are red, and versions that went into production or came back.

A look says how things are, not what changed: whoever compares it with the last one finds out, also after days of silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.errors import StoreError
from llmops_assets.gates import judge
from llmops_assets.notifying.message import Event
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.workshop import Workshop, findings


@dataclass(frozen=True)
class Look:
    """One product at one moment.

    Attributes:
        told: what there is to tell: a short name that stays the same -> one line that explains it.
        gates: rows of a verdict to show beside it.
        page: the UI's page, below its address.
    """

    event: Event
    product: str
    version: str
    told: Mapping[str, str]
    gates: tuple[Mapping[str, Any], ...] = ()
    page: str = ""


def red_gates(shop: Workshop) -> Look:
    """The blocking gates that the newest artifacts of a product did not pass."""
    told: dict[str, str] = {}
    shown: tuple[str, tuple[dict[str, Any], ...]] = ("", ())
    for node in graph.NODES:
        rows = verdict_rows(shop, node.name)
        red = {
            f"{row['metric']} of {node.name}": row["reason"]
            for row in rows
            if row["blocking"] and row["outcome"] != "passed"
        }
        if red and not told:
            shown = (node.name, rows)
        told |= red
    asset, gates = shown
    return Look("gate_failed", shop.product, shop.recipe.product.version, told, gates, asset_page(asset, shop.product))


def releases(shop: Workshop) -> Look:
    """The versions that ever went into production, and those that were taken back."""
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    released = {f"{version} is in production": f"since {at}" for version, at in record.all_released().items()}
    withdrawn = {f"{version} was taken back": why for version, why in record.all_withdrawn().items()}
    serves = record.in_production()[-1:] or (shop.recipe.product.version,)
    gates, page = verdict_rows(shop, "eval_report"), asset_page("ollama_deployment", shop.product)
    return Look("version_released", shop.product, serves[0], {**released, **withdrawn}, gates, page)


def verdict_rows(shop: Workshop, asset: str) -> tuple[dict[str, Any], ...]:
    """The newest artifact of an asset judged by the recipe's gates; none where there is none or it cannot be read."""
    try:
        artifact = shop.store.find(asset, shop.product)
        measured = findings(artifact).metrics if artifact is not None else None
    except StoreError:
        # Damage fails the run that meets it, and that is told.
        return ()
    return () if measured is None else tuple(judge(measured, graph.gates_of(asset, shop.recipe)).rows())


def asset_page(asset: str, product: str) -> str:
    """The UI's page of a product's asset; of all assets where none is named."""
    return f"/assets/{asset}?view=partitions&partition={product}" if asset else "/assets"
