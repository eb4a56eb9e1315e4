"""Which channels a product has: secrets and addresses of services from the environment, the readers of mail from its recipe."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from llmops_assets.errors import NotificationError
from llmops_assets.notifying.channels import Channel, Slack, Webhook
from llmops_assets.notifying.mail import Mail
from llmops_assets.notifying.posting import LOOPBACK
from llmops_assets.recipes.monitoring import MonitoringConfig

SLACK, WEBHOOK, SECRET = "LLMOPS_SLACK_WEBHOOK_URL", "LLMOPS_WEBHOOK_URL", "LLMOPS_WEBHOOK_SECRET"
PASSWORD, UI = "LLMOPS_SMTP_PASSWORD", "LLMOPS_UI_URL"
HERE = "http://127.0.0.1:3000"
"""Where `make dev` serves the UI."""


@dataclass(frozen=True)
class Configured:
    """The channels of a product.

    Attributes:
        channels: those that can be used.
        missing: channel -> what it lacks, for all others.
    """

    channels: tuple[Channel, ...]
    missing: Mapping[str, str]


def configured(config: MonitoringConfig, environment: Mapping[str, str] = os.environ) -> Configured:
    """The channels of a product.

    Args:
        config: of its recipe: `alert_channels` and the settings of mail.
        environment: a Slack address or a webhook counts for every product.

    Raises:
        NotificationError: a variable holds no address; the message does not show it.
    """
    channels: list[Channel] = []
    missing: dict[str, str] = {}
    slack, webhook = _url(SLACK, environment, secure=True), _url(WEBHOOK, environment)
    if slack:
        channels.append(Slack(slack))
    else:
        missing["slack"] = f"{SLACK} is not set"
    lack = _mail_lacks(config, environment)
    if lack:
        missing["email"] = lack
    else:
        channels.append(_mail(config, environment))
    if webhook:
        channels.append(Webhook(webhook, environment.get(SECRET, "").strip()))
    else:
        missing["webhook"] = f"{WEBHOOK} is not set"
    return Configured(tuple(channels), missing)


def wanted_but_missing(config: MonitoringConfig, found: Configured) -> dict[str, str]:
    """Channels that the recipe asks for and that cannot be used, with what they lack."""
    return {name: lack for name, lack in found.missing.items() if name in config.alert_channels}


def ui_url(environment: Mapping[str, str] = os.environ) -> str:
    """Where people reach the Dagster UI."""
    return (environment.get(UI, "").strip() or HERE).rstrip("/")


def _mail_lacks(config: MonitoringConfig, environment: Mapping[str, str]) -> str:
    if "email" not in config.alert_channels:
        return "the recipe's monitoring.alert_channels does not name email"
    if config.channels.smtp_username and not environment.get(PASSWORD):
        return f"{PASSWORD} is not set, and the recipe names an smtp_username"
    return ""


def _mail(config: MonitoringConfig, environment: Mapping[str, str]) -> Mail:
    settings = config.channels
    host, _, port = settings.smtp_smarthost.rpartition(":")
    if not host or not port.isdigit():
        raise NotificationError(f"expected monitoring.channels.smtp_smarthost as host:port, got {port or host!r}")
    return Mail(
        host=host.strip("[]"),
        port=int(port),
        sender=settings.email_from,
        to=settings.email_to or "",
        username=settings.smtp_username or "",
        password=environment.get(PASSWORD, "") if settings.smtp_username else "",
    )


def _url(variable: str, environment: Mapping[str, str], *, secure: bool = False) -> str:
    """The address in a variable, empty for none."""
    given = environment.get(variable, "").strip()
    if given and not _is_address(given, secure):
        kind = "an https address" if secure else "an http or https address"
        raise NotificationError(
            f"expected {kind} in {variable}, got something else (not shown: it is a secret); set it anew"
        )
    return given


def _is_address(given: str, secure: bool) -> bool:
    try:
        parts = urlsplit(given)
        plain = not parts.username and not parts.password and parts.port != 0
    except ValueError:
        return False
    allowed = {"https"} if secure and parts.hostname not in LOOPBACK else {"http", "https"}
    return (
        plain
        and given.isascii()
        and given.isprintable()
        and " " not in given
        and bool(parts.hostname)
        and parts.scheme in allowed
    )
