"""/api/chat and /api/generate."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from llmops_assets.errors import LLMOpsError
from llmops_assets.serving import inference_request
from llmops_assets.serving.api_errors import CANCELED, ApiError, body_of
from llmops_assets.serving.durations import rfc3339
from llmops_assets.serving.generating import Answer, End, Event
from llmops_assets.serving.inference_request import Asked
from llmops_assets.serving.loaded_models import LoadedModels
from llmops_assets.serving.model_library import ModelLibrary
from llmops_assets.serving.request_fields import LARGEST_BODY, LARGEST_QUESTION, Fields, read_fields

NDJSON = "application/x-ndjson"
Say = Callable[[str], dict[str, Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Inference:
    """What answers requests: the models on disk, those in memory, and the threads they work in."""

    library: ModelLibrary
    models: LoadedModels
    threads: ThreadPoolExecutor


def routes(inference: Inference) -> APIRouter:
    """The two routes."""
    router = APIRouter()

    @router.post("/api/chat")
    async def chat(request: Request) -> Response:
        say: Say = lambda text: {"message": {"role": "assistant", "content": text}}  # noqa: E731
        return await _answer(inference, request, "ChatRequest", inference_request.chat, say)

    @router.post("/api/generate")
    async def generate(request: Request) -> Response:
        say: Say = lambda text: {"response": text}  # noqa: E731
        return await _answer(inference, request, "GenerateRequest", inference_request.generate, say)

    return router


async def read_body(request: Request, kind: str, most: int = LARGEST_BODY) -> Fields:
    """The fields of a request of so many bytes at most.

    Raises:
        ApiError: it is too large, or no JSON object.
    """
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise ApiError(413, f"request body too large, at most {most} bytes are read")
        parts.append(chunk)
    return read_fields(b"".join(parts), kind)


def json_line(value: dict[str, Any]) -> bytes:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(value: dict[str, Any], status: int = 200) -> Response:
    """One JSON object, as Ollama sends it."""
    return Response(json_line(value), status, media_type="application/json; charset=utf-8")


async def _answer(
    inference: Inference,
    request: Request,
    kind: str,
    read: Callable[[ModelLibrary, Fields], Asked],
    say: Say,
) -> Response:
    started = monotonic()
    fields = await read_body(request, kind, LARGEST_QUESTION)
    asked = await asyncio.to_thread(read, inference.library, fields)
    if asked.job is None:
        return json_response(_head(asked) | say("") | await _load_or_unload(inference.models, asked))
    answer = Answer(inference.models, inference.threads, asked.job)
    if asked.stream:
        first = await unless_gone(request, answer, answer.next())
        return StreamingResponse(_lines(answer, first, asked, say, started), media_type=NDJSON)
    text, end = await unless_gone(request, answer, whole(answer))
    return json_response(_head(asked) | say(text) | _tail(end, started))


async def _load_or_unload(models: LoadedModels, asked: Asked) -> dict[str, Any]:
    if asked.unloads:
        models.unload(asked.key.gguf)
        return {"done": True, "done_reason": "unload"}
    async with models.loaded(asked.model, asked.key, asked.keep_s):
        return {"done": True, "done_reason": "load"}


async def whole(answer: Answer) -> tuple[str, End]:
    """The whole text, and how it ended."""
    while not isinstance(event := await answer.next(), End):
        pass
    return event.completion.text, event


async def unless_gone(request: Request, answer: Answer, wanted: Awaitable[T]) -> T:
    """Waits for a part of an answer, and leaves the answer when the client goes.

    Raises:
        ApiError: the client went.
    """
    work = asyncio.ensure_future(wanted)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ApiError(499, CANCELED)
        return work.result()
    finally:
        gone.cancel()
        if not work.done() or work.cancelled() or work.exception():
            work.cancel()
            answer.leave()


async def _lines(answer: Answer, first: Event, asked: Asked, say: Say, started: float) -> AsyncIterator[bytes]:
    try:
        async for event in answer.events(first):
            if isinstance(event, End):
                yield json_line(_head(asked) | say("") | _tail(event, started)) + b"\n"
            else:
                yield json_line(_head(asked) | say(event) | {"done": False}) + b"\n"
    except Exception as error:
        yield json_line(body_of(error)) + b"\n"
        if not isinstance(error, LLMOpsError):
            raise
    finally:
        answer.leave()


def _head(asked: Asked) -> dict[str, Any]:
    return {"model": asked.name, "created_at": rfc3339()}


def _tail(end: End, started: float) -> dict[str, Any]:
    """How it ended, with durations in nanoseconds; zeros are left out, as Ollama does it."""
    done = end.completion
    numbers = {
        "total_duration": _ns(monotonic() - started),
        "load_duration": _ns(end.load_s),
        "prompt_eval_count": done.prompt_tokens,
        "prompt_eval_duration": _ns(done.prompt_eval_s),
        "eval_count": done.output_tokens,
        "eval_duration": _ns(done.eval_s),
    }
    reason = "length" if done.stop_reason == "length" else "stop"
    return {"done": True, "done_reason": reason} | {name: number for name, number in numbers.items() if number}


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
