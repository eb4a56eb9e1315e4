"""Alertmanager's configuration: who hears of what, by severity.

Secrets are named as files below `secrets/`, never written here. Every alert goes to the incident webhook too.
"""

from typing import Any

import yaml

from llmops_assets.recipes.monitoring import Channel, MonitoringConfig

# A page is for what cannot wait; all the rest is read in working hours.
CHANNELS_BY_SEVERITY: dict[str, tuple[Channel, ...]] = {
    "critical": ("pager", "slack", "email"),
    "warning": ("slack", "email"),
}
INCIDENT_TOKEN = "incident_token"
TITLE = "{{ .Status | toUpper }} {{ .CommonLabels.product }}: {{ .CommonLabels.alertname }}"
TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}. {{ .Annotations.description }} "
    "{{ .Annotations.runbook_url }}\n{{ end }}"
)


def alertmanager_yaml(config: MonitoringConfig, *, secrets: str = "/etc/alertmanager/secrets") -> str:
    """The configuration, as `amtool check-config` reads it.

    Args:
        config: channels, their settings, the incident webhook.
        secrets: the folder in which Alertmanager finds the files of `secret_files`.
    """
    content = {
        "route": {
            "receiver": "warning",
            "group_by": ["product", "alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "receiver": "critical",
                    "matchers": ['severity = "critical"'],
                    "group_wait": "10s",
                    "repeat_interval": "1h",
                }
            ],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [_receiver(severity, config, secrets) for severity in CHANNELS_BY_SEVERITY],
    }
    return yaml.safe_dump(content, sort_keys=False, width=1000)


def secret_files(config: MonitoringConfig) -> dict[str, str]:
    """Each secret that must lie in the secrets folder, with what it is."""
    wanted = {INCIDENT_TOKEN: "bearer token of the incident webhook, what the gateway has in LLMOPS_INCIDENT_TOKEN"}
    if "slack" in config.alert_channels:
        wanted["slack_webhook_url"] = "incoming webhook URL of the Slack channel"
    if "pager" in config.alert_channels:
        wanted["pager_routing_key"] = "PagerDuty Events v2 routing key"
    if "email" in config.alert_channels and config.channels.smtp_username:
        wanted["smtp_password"] = f"SMTP password of {config.channels.smtp_username}"
    return wanted


def _inhibitions() -> list[dict[str, Any]]:
    return [
        {
            "source_matchers": ['severity = "critical"'],
            "target_matchers": ['severity = "warning"'],
            "equal": ["product", "alertname", "version", "column"],
        },
        {
            "source_matchers": ['alertname = "ModelDown"'],
            "target_matchers": ['alertname != "ModelDown"'],
            "equal": ["product"],
        },
        {
            "source_matchers": ['alertname = "ErrorBudgetBurnFast"'],
            "target_matchers": ['alertname = "ErrorBudgetBurnSlow"'],
            "equal": ["product"],
        },
    ]


def _receiver(severity: str, config: MonitoringConfig, secrets: str) -> dict[str, Any]:
    receiver: dict[str, Any] = {"name": severity, "webhook_configs": [_incident_webhook(config, secrets)]}
    for channel in CHANNELS_BY_SEVERITY[severity]:
        if channel in config.alert_channels:
            key, settings = _channel(channel, config, secrets)
            receiver[key] = [{"send_resolved": True, **settings}]
    return receiver


def _incident_webhook(config: MonitoringConfig, secrets: str) -> dict[str, Any]:
    return {
        "send_resolved": True,
        "url": config.incidents.webhook_url,
        "http_config": {"authorization": {"credentials_file": f"{secrets}/{INCIDENT_TOKEN}"}},
    }


def _channel(channel: Channel, config: MonitoringConfig, secrets: str) -> tuple[str, dict[str, Any]]:
    settings = config.channels
    if channel == "slack":
        return "slack_configs", {
            "api_url_file": f"{secrets}/slack_webhook_url",
            "channel": settings.slack_channel,
            "title": TITLE,
            "text": TEXT,
        }
    if channel == "pager":
        return "pagerduty_configs", {"routing_key_file": f"{secrets}/pager_routing_key", "description": TITLE}
    email = {"to": settings.email_to, "from": settings.email_from, "smarthost": settings.smtp_smarthost}
    if settings.smtp_username is None:
        return "email_configs", {**email, "require_tls": False}
    return "email_configs", {
        **email,
        "auth_username": settings.smtp_username,
        "auth_password_file": f"{secrets}/smtp_password",
    }
