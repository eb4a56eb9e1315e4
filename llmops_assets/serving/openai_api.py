"""/v1/chat/completions and /v1/models: OpenAI's shape over the same models.

Two things differ from Ollama on purpose: a request without temperature or top_p gets the model's own, and an error in the
middle of a stream is sent as `data: {"error": ...}`.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from llmops_assets.errors import LLMOpsError
from llmops_assets.serving import inference_request
from llmops_assets.serving.api_errors import ApiError, openai_body_of
from llmops_assets.serving.generating import Answer, End, Event
from llmops_assets.serving.inference_api import Inference, json_line, json_response, read_body, unless_gone, whole
from llmops_assets.serving.model_library import StoredModel
from llmops_assets.serving.request_fields import LARGEST_QUESTION, Fields

KIND = "ChatCompletionRequest"
DONE = b"data: [DONE]\n\n"
AS_THEY_ARE = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")


def routes(inference: Inference) -> APIRouter:
    """The routes under /v1."""
    router = APIRouter()

    @router.get("/v1/models")
    async def models() -> Response:
        stored = await asyncio.to_thread(inference.library.models)
        return json_response({"object": "list", "data": [_model(model) for model in stored]})

    @router.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        return json_response(_model(await asyncio.to_thread(inference.library.model, name)))

    @router.post("/v1/chat/completions")
    async def completions(request: Request) -> Response:
        fields = await read_body(request, KIND, LARGEST_QUESTION)
        native = Fields(as_native(fields), "ChatRequest")
        asked = await asyncio.to_thread(inference_request.chat, inference.library, native)
        if asked.job is None:
            raise ApiError(400, "[] is too short - 'messages'")
        head = _head(asked.name)
        answer = Answer(inference.models, inference.threads, asked.job)
        if fields.flag("stream"):
            usage = bool(fields.mapping("stream_options").get("include_usage"))
            first = await unless_gone(request, answer, answer.next())
            return StreamingResponse(_events(answer, first, head, usage), media_type="text/event-stream")
        text, end = await unless_gone(request, answer, whole(answer))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": _reason(end)}
        return json_response(head | {"object": "chat.completion", "choices": [choice], "usage": _usage(end)})

    return router


def as_native(fields: Fields) -> dict[str, Any]:
    """The chat request of Ollama's API that says the same.

    Raises:
        ApiError: a field has the wrong type, or asks for what this server does not have.
    """
    given: dict[str, Any] = {name: fields.get(name) for name in AS_THEY_ARE if fields.get(name) is not None}
    length = fields.number("max_completion_tokens") or fields.number("max_tokens")
    stop = fields.get("stop")
    if length:
        given["num_predict"] = length
    if stop:
        given["stop"] = [stop] if isinstance(stop, str) else stop
    messages = [
        {"role": turn.get("role"), "content": _text(turn)} for turn in fields.objects("messages", f"{KIND}.messages")
    ]
    return {
        "model": fields.text("model"),
        "messages": messages,
        "tools": fields.items("tools"),
        "options": given,
        "format": _format(fields.mapping("response_format")),
        "think": fields.get("reasoning_effort") not in (None, "none") or None,
    }


def _text(turn: Fields) -> str:
    if not isinstance(turn.get("content"), list):
        return turn.text("content")
    parts = turn.objects("content", f"{KIND}.messages.content")
    if any(part.get("type") != "text" for part in parts):
        raise ApiError(400, "invalid message content: this server reads parts of type text only")
    return "\n".join(part.text("text") for part in parts)


def _format(asked: Mapping[str, Any]) -> Any:
    kind = asked.get("type")
    if kind == "json_object":
        return "json"
    if kind == "json_schema":
        schema = asked.get("json_schema")
        return schema.get("schema") if isinstance(schema, dict) else None
    return None


def _head(name: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{secrets.randbelow(999)}",
        "created": int(time.time()),
        "model": name,
        "system_fingerprint": "fp_ollama",
    }


async def _events(answer: Answer, first: Event, head: dict[str, Any], usage: bool) -> AsyncIterator[bytes]:
    head = head | {"object": "chat.completion.chunk"}
    try:
        yield _event(head | _choice({"role": "assistant", "content": ""}))
        async for event in answer.events(first):
            if isinstance(event, str):
                yield _event(head | _choice({"content": event}))
                continue
            yield _event(head | _choice({}, _reason(event)))
            if usage:
                yield _event(head | {"choices": [], "usage": _usage(event)})
        yield DONE
    except Exception as error:
        yield _event(openai_body_of(error))
        if not isinstance(error, LLMOpsError):
            raise
    finally:
        answer.leave()


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + json_line(value) + b"\n\n"


def _choice(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _reason(end: End) -> str:
    return "length" if end.completion.stop_reason == "length" else "stop"


def _usage(end: End) -> dict[str, int]:
    read, written = end.completion.prompt_tokens, end.completion.output_tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _model(model: StoredModel) -> dict[str, Any]:
    created = model.modified_ns // 10**9
    return {"id": str(model.name), "object": "model", "created": created, "owned_by": model.name.namespace}
