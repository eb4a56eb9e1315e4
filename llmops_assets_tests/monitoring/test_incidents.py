"""An alert opens one incident, repeats change little, its resolution closes it; a rollback happens once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from llmops_assets.errors import DeploymentError, MonitoringError
from llmops_assets.monitoring.incident_api import incident_router, runbook_router
from llmops_assets.monitoring.incidents import IncidentBook, Notification, Release
from llmops_assets.recipes.monitoring import IncidentConfig
from llmops_assets.storage import atomic

BEGAN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
FRESH = Release("1.4.0", BEGAN - timedelta(hours=2))
OLD = Release("1.3.0", BEGAN - timedelta(days=30))


def payload(
    status: str = "firing", *, alert: str = "HighErrorRate", began: datetime = BEGAN, mark: str = "1f2e3d4c"
) -> dict[str, Any]:
    """What Alertmanager posts, with keys that we do not use."""
    ends = (began + timedelta(minutes=12)).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "version": "4",
        "groupKey": '{}:{product="TaskMaster"}',
        "status": status,
        "receiver": "critical",
        "truncatedAlerts": 0,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": alert, "product": "TaskMaster", "severity": "critical"},
                "annotations": {
                    "summary": "TaskMaster fails",
                    "description": "12% of requests failed",
                    "runbook_url": f"http://localhost:8080/runbooks/TaskMaster/{alert}",
                },
                "startsAt": began.isoformat(),
                "endsAt": ends,
                "generatorURL": "http://prometheus/graph",
                "fingerprint": mark,
            }
        ],
    }


class Rollbacks:
    """Stands for a deployment that puts the previous release back."""

    def __init__(self, *outcomes: str | Exception) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[str] = []

    def __call__(self, product: str) -> str:
        self.asked.append(product)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def book(
    folder: Path,
    *,
    releases: tuple[Release, ...] = (OLD, FRESH),
    auto_rollback: bool = False,
    roll_back: Callable[[str], str] | None = None,
) -> IncidentBook:
    config = IncidentConfig(auto_rollback=auto_rollback)
    return IncidentBook(folder, config, lambda _: releases, roll_back, clock=lambda: BEGAN)


def send(found: IncidentBook, sent: dict[str, Any]) -> list[dict[str, Any]]:
    return found.receive(Notification.model_validate(sent))


def events(incident: dict[str, Any]) -> list[str]:
    return [entry["event"] for entry in incident["timeline"]]


def test_an_alert_opens_an_incident_with_runbook_and_suspect(tmp_path: Path) -> None:
    (incident,) = send(book(tmp_path), payload())

    assert incident["id"] == "TaskMaster-HighErrorRate-20261124T020000-1f2e3d4c"
    assert incident["state"] == "open"
    assert incident["runbook_url"].endswith("/TaskMaster/HighErrorRate")
    assert incident["suspected_release"]["version"] == "1.4.0"
    assert events(incident) == ["opened", "suspected"]
    assert atomic.read_json(tmp_path / f"{incident['id']}.json") == incident


def test_an_old_release_is_no_suspect(tmp_path: Path) -> None:
    (incident,) = send(book(tmp_path, releases=(OLD,)), payload())

    assert incident["suspected_release"] is None


def test_repeats_do_not_grow_the_timeline(tmp_path: Path) -> None:
    found = book(tmp_path)
    for _ in range(5):
        (incident,) = send(found, payload())

    assert events(incident) == ["opened", "suspected"]
    assert len(found.incidents()) == 1


def test_the_resolution_closes_it_and_a_late_repeat_does_not_reopen_it(tmp_path: Path) -> None:
    found = book(tmp_path)
    send(found, payload())
    (closed,) = send(found, payload("resolved"))

    assert (closed["state"], events(closed)[-1]) == ("closed", "closed")
    assert closed["timeline"][-1]["text"] == "resolved after 0:12:00"
    assert send(found, payload()) == []
    assert found.incidents(state="open") == []


def test_the_next_firing_is_another_incident(tmp_path: Path) -> None:
    found = book(tmp_path)
    send(found, payload())
    send(found, payload("resolved"))
    send(found, payload(began=BEGAN + timedelta(hours=1)))

    assert [incident["state"] for incident in found.incidents()] == ["open", "closed"]


def test_the_resolution_of_an_unknown_alert_opens_nothing(tmp_path: Path) -> None:
    found = book(tmp_path)

    assert send(found, payload("resolved")) == []
    assert found.incidents() == []


def test_labels_cannot_write_elsewhere(tmp_path: Path) -> None:
    send(book(tmp_path / "incidents"), payload(alert="../../escape"))

    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "incidents"]


@pytest.mark.parametrize(
    ("auto_rollback", "releases", "alert", "asked"),
    [
        (True, (OLD, FRESH), "HighErrorRate", ["TaskMaster"]),
        (False, (OLD, FRESH), "HighErrorRate", []),
        (True, (OLD,), "HighErrorRate", []),
        (True, (OLD, FRESH), "DriftHigh", []),
    ],
)
def test_a_rollback_needs_the_recipe_a_suspect_and_an_alert_it_can_mend(
    auto_rollback: bool, releases: tuple[Release, ...], alert: str, asked: list[str], tmp_path: Path
) -> None:
    rollbacks = Rollbacks("1.3.0 serves again")
    found = book(tmp_path, releases=releases, auto_rollback=auto_rollback, roll_back=rollbacks)

    (incident,) = send(found, payload(alert=alert))

    assert rollbacks.asked == asked
    assert ("rollback done" in events(incident)) == bool(asked)


def test_one_release_is_rolled_back_once_whatever_fires(tmp_path: Path) -> None:
    rollbacks = Rollbacks("1.3.0 serves again")
    found = book(tmp_path, auto_rollback=True, roll_back=rollbacks)

    send(found, payload())
    send(found, payload())
    send(found, payload(alert="ErrorBudgetBurnFast", mark="99"))

    assert rollbacks.asked == ["TaskMaster"]


def test_a_failed_rollback_is_recorded_and_not_repeated(tmp_path: Path) -> None:
    rollbacks = Rollbacks(DeploymentError("no previous release of TaskMaster"))
    found = book(tmp_path, auto_rollback=True, roll_back=rollbacks)

    (incident,) = send(found, payload())
    send(found, payload())

    assert incident["rollback"] == "failed"
    assert incident["timeline"][-1]["text"] == "no previous release of TaskMaster"
    assert found.incidents()[0] == {**incident, "last_notified_at": BEGAN.isoformat()}


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    app = FastAPI()
    app.include_router(incident_router(book(tmp_path), token="s3cret"))
    app.include_router(runbook_router())
    return TestClient(app)


AUTHORISED = {"Authorization": "Bearer s3cret"}


def test_the_webhook_opens_and_the_list_shows(client: TestClient) -> None:
    answer = client.post("/incidents/alertmanager", json=payload(), headers=AUTHORISED)

    assert answer.status_code == 200
    assert answer.json() == {"incidents": ["TaskMaster-HighErrorRate-20261124T020000-1f2e3d4c"]}
    listed = client.get("/incidents", params={"state": "open"}, headers=AUTHORISED).json()
    assert [incident["product"] for incident in listed] == ["TaskMaster"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret"}])
def test_without_the_token_nothing_is_recorded(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/incidents/alertmanager", json=payload(), headers=headers).status_code == 401
    assert client.get("/incidents", headers=headers).status_code == 401
    assert client.get("/incidents", headers=AUTHORISED).json() == []


@pytest.mark.parametrize("sent", [{}, {"version": "3", "alerts": []}, {"version": "4", "alerts": [{}]}])
def test_a_malformed_notification_is_refused(client: TestClient, sent: dict[str, Any]) -> None:
    assert client.post("/incidents/alertmanager", json=sent, headers=AUTHORISED).status_code == 422


def test_runbook_links_lead_to_a_page(client: TestClient) -> None:
    page = client.get("/runbooks/TaskMaster/HighLatency")

    assert page.text.startswith("# HighLatency: TaskMaster\n")
    assert client.get("/runbooks/TaskMaster/Nonsense").status_code == 404


def test_a_webhook_without_a_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MonitoringError, match="token"):
        incident_router(book(tmp_path), token="")
