"""The door of one product: waits for its turn, answers within its time, and turns whatever happens into a reply that is counted."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmops_assets.deployment.answering import (
    Exchange,
    ModelGoneError,
    ModelTimeoutError,
    RequestTooLongError,
    ServedProduct,
    answer_request,
)
from llmops_assets.deployment.observing import Observer
from llmops_assets.deployment.readiness import RETRY_S, Readiness
from llmops_assets.deployment.turnstile import Turnstile, TurnstileFullError


@dataclass(frozen=True)
class Limits:
    """How much one product takes on: requests at work and waiting, and seconds for one, waiting included."""

    at_work: int = 2
    waiting: int = 16
    timeout_s: float = 30.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; the id is empty where there is nothing to rate."""

    status: int
    body: Mapping[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    request_id: str = ""


class Door:
    """One product behind the gateway."""

    def __init__(
        self,
        product: ServedProduct,
        observer: Observer,
        *,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        """Opens nothing yet."""
        self.product, self.observer, self.limits, self.clock = product, observer, limits or Limits(), clock
        self.turnstile = Turnstile(at_work=self.limits.at_work, waiting=self.limits.waiting)
        self.readiness = Readiness(
            product,
            lambda version, answers: observer.model_answers(version, answers=answers),
            timeout_s=self.limits.timeout_s,
        )

    @property
    def path(self) -> str:
        """The endpoint of its task."""
        return self.product.task.endpoint

    @property
    def version(self) -> str:
        """Of the model that serves."""
        return self.readiness.version

    async def answer(self, text: str, history: Sequence[Mapping[str, str]] = (), now: datetime | None = None) -> Reply:
        """Answers the last turn of a conversation, or says why not; never waits longer than the limits say.

        Args:
            text: the last turn.
            history: the turns before.
            now: the caller's clock, whose wall time dates are resolved against; without it the server's.
        """
        started = time.monotonic()
        try:
            exchange = await self._in_turn(text, history, now.replace(tzinfo=None) if now else self.clock())
        except Exception as error:
            reply = self._refusal(error)
            self.observer.failed(reply.status, time.monotonic() - started, self.version)
            return reply
        version = self.version
        self.observer.answered(exchange, version)
        return Reply(200, _body(exchange, version), {"X-Request-Id": exchange.request_id}, exchange.request_id)

    async def _in_turn(self, text: str, history: Sequence[Mapping[str, str]], now: datetime) -> Exchange:
        from starlette.concurrency import run_in_threadpool

        async with self.turnstile.turn(self.limits.timeout_s) as left_s:
            return await run_in_threadpool(
                answer_request, self.product, text, now=now, timeout_s=left_s, history=history
            )

    def _refusal(self, error: Exception) -> Reply:
        name = self.product.name
        if isinstance(error, TurnstileFullError):
            said = f"{name} is busy with {self.turnstile.inside} requests; come again in {error.retry_after_s} s"
            return _error(429, said, error.retry_after_s)
        if isinstance(error, RequestTooLongError):
            return _error(413, str(error))
        if isinstance(error, ModelTimeoutError):
            self.readiness.lost(str(error))
        if isinstance(error, ModelTimeoutError | TimeoutError):
            said = f"{name} did not answer within {self.limits.timeout_s:g} s; come again later"
            return _error(504, said, self.turnstile.retry_after_s)
        if isinstance(error, ModelGoneError):
            self.readiness.lost(str(error))
            return _error(503, f"the model of {name} does not answer; come again later", math.ceil(RETRY_S))
        # What went wrong inside is for the log of the operator, not for whoever asks.
        sys.stderr.write(f"llmops gateway: {name}: {type(error).__name__}: {error}\n")
        return _error(500, f"{name} failed on this request; the operator's log says why")


def _body(exchange: Exchange, version: str) -> dict[str, Any]:
    return {
        **exchange.envelope,
        "answer": exchange.text,
        "truncated": exchange.truncated,
        "format_valid": exchange.format_valid,
        "blocked": bool(exchange.blocked),
        "version": version,
        "request_id": exchange.request_id,
    }


def _error(status: int, said: str, retry_after_s: int = 0) -> Reply:
    return Reply(status, {"error": said}, {"Retry-After": str(retry_after_s)} if retry_after_s else {})
