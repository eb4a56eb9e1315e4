"""The `monitoring` section of a recipe: what is watched, when it alarms, and who is told.

Secrets never stand here: channels read them from files whose names the profile's README lists.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Channel = Literal["slack", "email", "pager"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class MonitoringSection(BaseModel):
    """Frozen, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AlertThresholds(MonitoringSection):
    """Where an alert starts. The bounds keep each within what the exporter's histogram can tell apart."""

    p95_latency_s: float = Field(default=2.0, ge=0.1, le=60.0, description="p95 of a request, in seconds")
    error_rate: float = Field(default=0.05, gt=0.0, le=0.5, description="share of requests answered 5xx")
    quality: float = Field(default=0.7, gt=0.0, lt=1.0, description="share of recent answers found good")
    truncation_rate: float = Field(default=0.05, gt=0.0, le=0.5, description="share of answers cut at a limit")
    no_request_minutes: int = Field(default=10, ge=2, description="silence that is worth a look")
    minimum_requests: int = Field(default=20, ge=1, description="fewer requests prove no rate")


class SloConfig(MonitoringSection):
    """The promise: `objective` of all requests over 30 days get an answer that is no 5xx.

    Below 0.95 the fast burn rate (14.4 times the budget) would ask for more than all requests to fail.
    """

    objective: float = Field(default=0.99, ge=0.95, le=0.9999)


class DriftConfig(MonitoringSection):
    """When traffic counts as changed: an alarm needs a corrected p below `significance`, and the size."""

    warning: float = Field(default=0.15, gt=0.0, lt=1.0)
    critical: float = Field(default=0.30, gt=0.0, lt=1.0)
    significance: float = Field(default=0.05, gt=0.0, lt=0.5, description="of all columns together (Holm)")
    minimum_sample: int = Field(default=100, ge=20, description="fewer requests are `too_little_data`")
    window: int = Field(default=2000, ge=20, description="so many of the newest requests are compared")
    baseline_source: Literal["evaluation", "production"] = "evaluation"
    cool_down_hours: float = Field(default=72.0, ge=0.0, description="rest between two requested retrainings")

    @model_validator(mode="after")
    def _levels_in_order(self) -> Self:
        if self.warning >= self.critical:
            raise ValueError(f"expected drift.warning below drift.critical, got {self.warning} and {self.critical}")
        if self.window < self.minimum_sample:
            raise ValueError(f"expected drift.window of drift.minimum_sample or more, got {self.window}")
        return self


class ChannelSettings(MonitoringSection):
    """Where a channel leads; only the settings of channels in `alert_channels` are used."""

    slack_channel: str = "#llmops-alerts"
    email_to: str | None = None
    email_from: str = "llmops@localhost"
    smtp_smarthost: str = "localhost:25"
    smtp_username: str | None = None


class IncidentConfig(MonitoringSection):
    """What an alert opens. A release younger than `suspect_release_hours` is suspected of it."""

    webhook_url: str = Field(
        default="http://host.docker.internal:8080/incidents/alertmanager",
        description="the gateway, as Alertmanager's container reaches it",
    )
    runbook_base_url: str = Field(
        default="http://localhost:8080/runbooks", description="the gateway, as people reach it"
    )
    suspect_release_hours: float = Field(default=24.0, gt=0.0)
    auto_rollback: bool = False


class MonitoringConfig(MonitoringSection):
    """How one product is watched."""

    metrics_port: int = Field(default=9090, ge=0, le=65535, description="of the exporter; 0 takes a free one")
    log_level: LogLevel = "INFO"
    alert_channels: tuple[Channel, ...] = ()
    channels: ChannelSettings = ChannelSettings()
    thresholds: AlertThresholds = AlertThresholds()
    slo: SloConfig = SloConfig()
    drift: DriftConfig = DriftConfig()
    incidents: IncidentConfig = IncidentConfig()

    @model_validator(mode="after")
    def _email_has_an_address(self) -> Self:
        if "email" in self.alert_channels and not self.channels.email_to:
            raise ValueError("expected channels.email_to for the channel email, got none; name an address")
        return self
