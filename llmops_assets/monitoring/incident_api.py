"""The incident book over HTTP: Alertmanager's webhook, the list, and the runbooks that alerts link to."""

import hmac
from typing import TYPE_CHECKING, Annotated, Any, Literal

from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.incidents import IncidentBook, Notification
from llmops_assets.monitoring.runbooks import RUNBOOKS, runbook_markdown

if TYPE_CHECKING:
    from fastapi import APIRouter


def incident_router(book: IncidentBook, *, token: str) -> "APIRouter":
    """The webhook and the list, for the gateway.

    Args:
        book: the incidents.
        token: what Alertmanager sends as a bearer token. The webhook can roll back, so it is never open.

    Raises:
        MonitoringError: the token is empty.
    """
    from fastapi import APIRouter, Depends, Header, HTTPException

    if not token:
        raise MonitoringError("expected a token for the incident webhook, got none; set LLMOPS_INCIDENT_TOKEN")

    def authorised(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "expected the incident webhook's bearer token")

    router = APIRouter(tags=["incidents"])

    @router.post("/incidents/alertmanager", dependencies=[Depends(authorised)])
    def receive(notification: Notification) -> dict[str, list[str]]:
        return {"incidents": [incident["id"] for incident in book.receive(notification)]}

    @router.get("/incidents", dependencies=[Depends(authorised)])
    def incidents(state: Literal["open", "closed"] | None = None) -> list[dict[str, Any]]:
        return book.incidents(state=state)

    return router


def runbook_router() -> "APIRouter":
    """The pages that alerts link to; they hold no secret."""
    from fastapi import APIRouter, HTTPException
    from fastapi.responses import PlainTextResponse

    router = APIRouter(tags=["runbooks"])

    @router.get("/runbooks/{product}/{alert}", response_class=PlainTextResponse)
    def runbook(product: str, alert: str) -> str:
        if alert not in RUNBOOKS:
            raise HTTPException(404, f"expected one of {', '.join(RUNBOOKS)}")
        return runbook_markdown(alert, product)

    return router
