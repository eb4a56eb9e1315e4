"""Incidents of a served product: what alerts open, and the way back that an alert may take where the recipe lets it."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.monitoring.incident_api import incident_router, runbook_router
from llmops_assets.monitoring.incidents import IncidentBook, Release
from llmops_assets.pipeline.deployed import rollout_state
from llmops_assets.pipeline.deployment import roll_back_product
from llmops_assets.pipeline.workshop import Workshop

if TYPE_CHECKING:
    from fastapi import APIRouter

TOKEN = "LLMOPS_INCIDENT_TOKEN"


def incident_routers(shop: Workshop, token: str) -> list["APIRouter"]:
    """What a gateway mounts: the runbooks' pages, and where there is a token the webhook and the list of incidents."""
    if not token:
        shop.report(f"incidents: {TOKEN} is not set, so Alertmanager's webhook is closed")
        return [runbook_router()]
    return [runbook_router(), incident_router(incident_book(shop), token=token)]


def incident_book(shop: Workshop) -> IncidentBook:
    """The project's incidents; only this product's releases are suspected and rolled back."""
    record = ReleaseRecord(rollout_state(shop) / RECORD)

    def releases(product: str) -> Sequence[Release]:
        since = record.all_released()
        known = record.in_production() if product == shop.product else ()
        return [Release(version, datetime.fromisoformat(since[version])) for version in known]

    def roll_back(product: str) -> str:
        return f"{product} {roll_back_product(shop, 'an alert')} serves again"

    return IncidentBook(shop.project.home / "incidents", shop.recipe.monitoring.incidents, releases, roll_back)
