"""The channels that speak HTTP: Slack's incoming webhook, and a webhook of anybody's own."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Protocol

from llmops_assets.notifying.message import Message, gate_table
from llmops_assets.notifying.posting import PAUSES_S, Outcome, post, redacted

SIGNATURE, TIMESTAMP, ID = "X-LLMOps-Signature-256", "X-LLMOps-Timestamp", "X-LLMOps-Id"


class Channel(Protocol):
    """One way to somebody."""

    @property
    def name(self) -> str:
        """What it is called in the state and on the command line."""

    @property
    def target(self) -> str:
        """Who hears it, without any secret."""

    def deliver(self, message: Message) -> Outcome:
        """Delivers a message, with a few tries."""


@dataclass(frozen=True)
class Slack:
    """An incoming webhook of Slack, or of what takes the same JSON (Mattermost, Rocket.Chat)."""

    url: str = field(repr=False)
    pauses_s: tuple[float, ...] = PAUSES_S
    name: str = field(default="slack", init=False)

    @property
    def target(self) -> str:
        """The host."""
        return redacted(self.url)

    def deliver(self, message: Message) -> Outcome:
        """Posts the message in Slack's markup."""
        return post(self.url, json.dumps({"text": slack_text(message)}).encode(), {}, self.pauses_s)


def slack_text(message: Message) -> str:
    """A message in Slack's markup: title in bold, the gates as a fixed-width block, a link."""
    parts = [f"*{_escaped(message.title)}*", *map(_escaped, message.lines)]
    if message.gates:
        table = "\n".join(gate_table(message.gates))
        parts.append(f"```\n{_escaped(table)}\n```")
    return "\n".join([*parts, *([f"<{message.link}|Look at it>"] if message.link else [])])


def _escaped(text: str) -> str:
    """Slack reads these three as markup: `<!channel>` in an error message would wake everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Webhook:
    """The message as JSON to any address; signed where there is a secret."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    pauses_s: tuple[float, ...] = PAUSES_S
    name: str = field(default="webhook", init=False)

    @property
    def target(self) -> str:
        """The host."""
        return redacted(self.url)

    def deliver(self, message: Message) -> Outcome:
        """Posts the message as JSON."""
        body = json.dumps(message.to_json(), ensure_ascii=False, sort_keys=True).encode()
        headers = {ID: message.id}
        if self.secret:
            now = str(int(time.time()))
            headers |= {TIMESTAMP: now, SIGNATURE: signature(self.secret, now, body)}
        return post(self.url, body, headers, self.pauses_s)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What the receiver compares: HMAC-SHA256 over `<timestamp>.<body>`, so that an old message cannot be sent anew."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
