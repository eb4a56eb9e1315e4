"""Messages that somebody asks for: how a product's last run ended, which CI tells when its job is over, and a test."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from llmops_assets.notifying.channels import Channel
from llmops_assets.notifying.configured import configured, wanted_but_missing
from llmops_assets.notifying.message import Message
from llmops_assets.notifying.noticing import verdict_rows
from llmops_assets.notifying.posting import Outcome as Delivery
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets.storage import atomic

Outcome = Literal["success", "failure", "cancelled"]
UNWRITTEN = "the last run that wrote a result was green: what failed stands behind the link"


@dataclass(frozen=True)
class Sent:
    """What came of one channel."""

    channel: str
    text: str
    ok: bool


def send(config: MonitoringConfig, message: Message) -> list[Sent]:
    """Sends a message at once to every channel of a product, whatever was sent before.

    Raises:
        NotificationError: a channel's settings are wrong.
    """
    found = configured(config)
    sent = [_sent(channel, channel.deliver(message)) for channel in found.channels]
    wanted = wanted_but_missing(config, found)
    return sent + [Sent(name, f"left out: {lack}", name not in wanted) for name, lack in found.missing.items()]


def _sent(channel: Channel, outcome: Delivery) -> Sent:
    came = f"NOT delivered: {outcome.problem}" if outcome.problem else "delivered"
    tries = f", {outcome.tries} tries" if outcome.tries > 1 else ""
    return Sent(channel.name, f"{channel.target}: {came}{tries}", not outcome.problem)


def trial_message(shop: Workshop, link: str) -> Message:
    """A message that says that it is none."""
    now, version = datetime.now(UTC).isoformat(timespec="seconds"), shop.recipe.product.version
    gates = verdict_rows(shop, "eval_report")
    return Message("test", shop.product, version, "a test: this channel works", now, gates=gates, link=link)


def run_result(shop: Workshop, outcome: Outcome | None, link: str) -> Message:
    """The message on the last run of a product.

    Args:
        shop: the product.
        outcome: how the job that ran it ended; None: as the run's own result says.
        link: the page to look at.
    """
    result = _last_result(shop)
    ended = outcome or ("success" if result.get("success") else "failure")
    stages = ", ".join(result.get("stages_completed", ())) or "none"
    details = [f"last run, stages that are green: {stages}", *result.get("errors", ())]
    if ended == "failure" and not result.get("errors"):
        details.append(UNWRITTEN if result else "no run has written a result yet")
    words = {"success": "green", "failure": "failed", "cancelled": "was cancelled"}[ended]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    gates = verdict_rows(shop, "eval_report")
    return Message("run_ended", shop.product, shop.recipe.product.version, words, now, tuple(details), gates, link)


def _last_result(shop: Workshop) -> dict[str, Any]:
    path = shop.store.root / "results" / shop.product / "pipeline_result.json"
    found: dict[str, Any] = atomic.read_json(path) if path.exists() else {}
    return found
