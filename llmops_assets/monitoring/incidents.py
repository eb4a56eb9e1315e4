"""Incidents: an alert opens one, repeats update it, its resolution closes it. One JSON file an incident.

{"id": "TaskMaster-HighErrorRate-20261124T020000-1f2e3d4c", "state": "open", "product": "TaskMaster",
 "suspected_release": {"version": "1.4.0", ...}, "rollback": null,
 "timeline": [{"at": "...", "event": "opened", "text": "..."}], ...}
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llmops_assets.errors import LLMOpsError
from llmops_assets.recipes.monitoring import IncidentConfig
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import locked

Incident = dict[str, Any]
# Alerts whose cause a rollback can be: the model fails, it is not merely asked other things.
ROLLBACK_ALERTS = frozenset({"ModelDown", "HighErrorRate", "ErrorBudgetBurnFast"})


class AlertNotice(BaseModel):
    """One alert of a notification; keys that are not used are ignored."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    starts_at: datetime = Field(alias="startsAt")
    ends_at: datetime = Field(alias="endsAt")
    fingerprint: str


class Notification(BaseModel):
    """What Alertmanager posts to a webhook (version 4)."""

    model_config = ConfigDict(frozen=True)

    version: Literal["4"]
    alerts: tuple[AlertNotice, ...]


@dataclass(frozen=True)
class Release:
    """A release and when it went into production."""

    version: str
    deployed_at: datetime


@dataclass(frozen=True)
class IncidentBook:
    """All incidents, below one folder.

    Attributes:
        folder: where the files lie.
        config: the recipe's part.
        releases: the releases of a product, in any order.
        roll_back: puts a product's previous release back and says so; None where nobody may.
    """

    folder: Path
    config: IncidentConfig
    releases: Callable[[str], Sequence[Release]]
    roll_back: Callable[[str], str] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def receive(self, notification: Notification) -> list[Incident]:
        """Records a notification, and rolls back where the recipe says so. Twice the same changes nothing.

        Returns:
            The incidents that were opened, updated or closed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock"):
            touched = [self._record(alert) for alert in notification.alerts]
        # Outside the lock, as a rollback takes its time.
        return [
            self._finish_rollback(one.incident) if one.roll_back else one.incident for one in touched if one is not None
        ]

    def incidents(self, *, state: Literal["open", "closed"] | None = None) -> list[Incident]:
        """All incidents, the newest first."""
        found = [atomic.read_json(path) for path in self.folder.glob("*.json")]
        kept = [incident for incident in found if state in (None, incident["state"])]
        return sorted(kept, key=lambda incident: (incident["opened_at"], incident["id"]), reverse=True)

    def _record(self, alert: AlertNotice) -> "_Touched | None":
        path = self._path(alert)
        if path.exists():
            return self._update(path, atomic.read_json(path), alert)
        return self._open(path, alert) if alert.status == "firing" else None

    def _open(self, path: Path, alert: AlertNotice) -> "_Touched":
        product = alert.labels.get("product", "unknown")
        suspect = self._suspect(product, alert.starts_at)
        incident: Incident = {
            "id": path.stem,
            "state": "open",
            "product": product,
            "alert": alert.labels.get("alertname", "unknown"),
            "severity": alert.labels.get("severity", "warning"),
            "summary": alert.annotations.get("summary", ""),
            "runbook_url": alert.annotations.get("runbook_url", ""),
            "labels": alert.labels,
            "opened_at": alert.starts_at.isoformat(),
            "closed_at": None,
            "suspected_release": suspect,
            "rollback": None,
            "timeline": [],
        }
        self._note(incident, "opened", alert.annotations.get("description", ""))
        if suspect is not None:
            self._note(incident, "suspected", f"release {suspect['version']} of {suspect['deployed_at']}")
        roll_back = self._may_roll_back(incident)
        if roll_back:
            # Marked before it is done, so that no repeat starts it again.
            incident["rollback"] = "started"
        atomic.write_json(path, incident)
        return _Touched(incident, roll_back)

    def _update(self, path: Path, incident: Incident, alert: AlertNotice) -> "_Touched | None":
        if incident["state"] == "closed":
            return None
        if alert.status == "resolved":
            incident["state"] = "closed"
            incident["closed_at"] = alert.ends_at.isoformat()
            self._note(incident, "closed", f"resolved after {alert.ends_at - alert.starts_at}")
        else:
            incident["last_notified_at"] = self.clock().isoformat()
        atomic.write_json(path, incident)
        return _Touched(incident, roll_back=False)

    def _suspect(self, product: str, began: datetime) -> dict[str, str] | None:
        window = timedelta(hours=self.config.suspect_release_hours)
        young = [release for release in self.releases(product) if began - window <= release.deployed_at <= began]
        if not young:
            return None
        latest = sorted(young, key=lambda release: release.deployed_at)[-1]  # of two in one second the later one
        return {"version": latest.version, "deployed_at": latest.deployed_at.isoformat()}

    def _may_roll_back(self, incident: Incident) -> bool:
        if not self.config.auto_rollback or self.roll_back is None or incident["suspected_release"] is None:
            return False
        # A release is rolled back once: if that did not help, a person is needed.
        tried = [
            other["suspected_release"]
            for other in self.incidents()
            if other["product"] == incident["product"] and other["rollback"] is not None
        ]
        return incident["alert"] in ROLLBACK_ALERTS and incident["suspected_release"] not in tried

    def _finish_rollback(self, incident: Incident) -> Incident:
        if self.roll_back is None:
            return incident
        try:
            outcome, text = "done", self.roll_back(incident["product"])
        except LLMOpsError as error:
            outcome, text = "failed", str(error)
        with locked(self.folder / ".lock"):
            path = self.folder / f"{incident['id']}.json"
            current: Incident = atomic.read_json(path)
            current["rollback"] = outcome
            self._note(current, f"rollback {outcome}", text)
            atomic.write_json(path, current)
        return current

    def _note(self, incident: Incident, event: str, text: str) -> None:
        incident["timeline"].append({"at": self.clock().isoformat(), "event": event, "text": text})

    def _path(self, alert: AlertNotice) -> Path:
        """One file for one firing: a late repeat finds it closed, and a new firing gets a file of its own."""
        parts = (
            alert.labels.get("product", "unknown"),
            alert.labels.get("alertname", "unknown"),
            alert.starts_at.strftime("%Y%m%dT%H%M%S"),
            alert.fingerprint[:16],
        )
        return self.folder / ("-".join(re.sub(r"[^\w]+", "_", part) for part in parts) + ".json")


@dataclass(frozen=True)
class _Touched:
    """An incident that a notification changed, and whether a rollback is due now."""

    incident: Incident
    roll_back: bool
