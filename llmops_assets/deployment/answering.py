"""One request of a product: guard, served model, guard again, and the product's own envelope. Gateway and `llmops ask` share it."""

import contextlib
import math
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from llmops_assets.deployment.model_server import stream_chat
from llmops_assets.errors import DeploymentError
from llmops_assets.guard.guarding import Decision, Guard
from llmops_assets.serving.chat_template import strip_markers
from llmops_assets.tasks.registry import Task

Stage = Literal["", "input", "output"]
# As this project's server and older Ollamas say it, llama.cpp's server, and newer Ollamas.
TOO_LONG = re.compile("exceeds the (available )?context|longer than the context")


class ModelGoneError(DeploymentError):
    """The model server does not answer, or does not know the model."""


class ModelTimeoutError(DeploymentError):
    """The model did not finish in time."""


class RequestTooLongError(DeploymentError):
    """The request does not fit the model's context."""


@dataclass(frozen=True)
class ServedProduct:
    """A product that serves: its task, its guard, and the name under which a server has its model.

    Attributes:
        num_ctx: tokens of request and answer together.
    """

    name: str
    task: Task
    guard: Guard
    url: str
    model: str
    num_ctx: int


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    Attributes:
        text: the model's own words; the task's text for that where a guard stopped it.
        blocked: where a guard stopped it, empty where none did.
        reason: why the guard did.
        tokens_in: of all that was asked to get this answer, as `tokens_out`.
        first_token_s: of the first answer, also where it was asked again.
        truncated: the answer was cut at its limit.
        format_valid: whether the text has the task's form; None where a guard spoke.
    """

    prompt: str
    text: str
    envelope: Mapping[str, Any]
    latency_s: float
    blocked: Stage = ""
    reason: str = ""
    truncated: bool = False
    format_valid: bool | None = None
    refused: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    first_token_s: float | None = None
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class _Said:
    text: str
    first_token_s: float | None
    done_reason: str
    tokens_in: int
    tokens_out: int


def answer_request(
    product: ServedProduct,
    text: str,
    *,
    now: datetime,
    timeout_s: float,
    history: Sequence[Mapping[str, str]] = (),
) -> Exchange:
    """Answers one request.

    An answer that the task does not take (for a to-do command: no valid form, words that nobody said, or a refusal of
    what the guard is sure is harmless) is asked for again, and the engine is held to a form that can be taken. Where
    that fails, is cut or no time is left, the first answer is given.

    Args:
        product: who answers.
        text: what was asked; markers of the chat format are taken out of it.
        now: against which dates are resolved.
        timeout_s: how long the model may take, asked again or not.
        history: the conversation before, {"role": user, assistant or tool, "content"} a turn; an answer is an
            exchange's `text`, what the caller's store said to it a tool turn.

    Raises:
        ModelGoneError: the model cannot be reached.
        ModelTimeoutError: it took too long.
        RequestTooLongError: the request does not fit its context.
    """
    started, prompt = time.monotonic(), strip_markers(text)
    before = [{"role": turn["role"], "content": strip_markers(turn["content"])} for turn in history]
    asked = product.guard.check_input([*before, {"role": "user", "content": prompt}], product.task.unfit)
    messages = [*before, {"role": "user", "content": product.task.prepare(prompt)}]
    if not asked.allowed:
        return _blocked(product, text, "input", asked, now, started)
    asked_at = time.monotonic()
    said, task = _ask(product, messages, timeout_s), product.task
    spent, left = [said], product.guard.check_output(said.text)
    form = task.second_form(said.text, messages, asked.certain) if left.allowed else None
    left_s = timeout_s - (time.monotonic() - asked_at)
    if form is not None and left_s > 0:
        with contextlib.suppress(ModelGoneError, ModelTimeoutError):  # the first answer is better than none
            again = _ask(product, messages, left_s, form)
            spent.append(again)
            if again.done_reason != "length":
                said, left = again, product.guard.check_output(again.text)
    if not left.allowed:
        return _blocked(product, text, "output", left, now, started, spent)
    return Exchange(
        prompt=text,
        text=said.text,
        envelope=task.to_envelope(said.text, now, prompt),
        latency_s=time.monotonic() - started,
        truncated=said.done_reason == "length",
        format_valid=task.format(said.text, {}).value == 1,
        refused=task.is_refusal(said.text),
        **_cost(spent),
    )


def _blocked(
    product: ServedProduct,
    prompt: str,
    stage: Stage,
    decision: Decision,
    now: datetime,
    started: float,
    spent: Sequence[_Said] = (),
) -> Exchange:
    text = product.task.stopped_text(off_topic=decision.off_topic)
    return Exchange(
        prompt=prompt,
        text=text,
        envelope=product.task.to_envelope(text, now, prompt),
        latency_s=time.monotonic() - started,
        blocked=stage,
        reason=decision.reason,
        refused=text == product.task.refusal_text,
        **_cost(spent),
    )


def _cost(spent: Sequence[_Said]) -> dict[str, Any]:
    """What all that was asked took; whoever waits gets the first token once."""
    return {
        "tokens_in": sum(said.tokens_in for said in spent),
        "tokens_out": sum(said.tokens_out for said in spent),
        "first_token_s": spent[0].first_token_s if spent else None,
    }


def _ask(
    product: ServedProduct, messages: list[dict[str, str]], timeout_s: float, form: Mapping[str, Any] | None = None
) -> _Said:
    import httpx
    import ollama

    name = f"{product.model} at {product.url}"
    try:
        return _read(product, messages, timeout_s, form)
    except httpx.TimeoutException as error:
        raise ModelTimeoutError(f"expected an answer of {name} within {timeout_s:g} s, got none") from error
    except ollama.ResponseError as error:
        if TOO_LONG.search(error.error):
            raise RequestTooLongError(
                f"expected a request of {product.name} within {product.num_ctx} tokens, got a longer one; shorten it"
            ) from error
        raise ModelGoneError(f"expected {name} to answer, it said: {error.error}; run the deployment stage") from error
    except (ConnectionError, httpx.HTTPError, ValueError) as error:
        said = str(error) or type(error).__name__
        raise ModelGoneError(f"expected {name} to answer, got: {said}; run the deployment stage") from error


def _read(
    product: ServedProduct, messages: list[dict[str, str]], timeout_s: float, form: Mapping[str, Any] | None
) -> _Said:
    """Reads the stream; leaving it early closes the connection, and the server gives the slot back."""
    started, first, pieces = time.monotonic(), None, []
    asked = {"model": product.model, "messages": messages} | ({"format": dict(form)} if form else {})
    stream = stream_chat(product.url, max(1.0, math.ceil(timeout_s)), **asked)
    with contextlib.closing(stream):
        for part in stream:
            if part.message.content:
                first = first if first is not None else time.monotonic() - started
                pieces.append(part.message.content)
            if part.done:
                counts = part.prompt_eval_count or 0, part.eval_count or 0
                return _Said("".join(pieces), first, part.done_reason or "", *counts)
            if time.monotonic() - started > timeout_s:
                raise ModelTimeoutError(f"expected an answer of {product.model} within {timeout_s:g} s, it is not done")
    raise ModelGoneError(f"expected a whole answer of {product.model}, its stream ended early; ask again")
