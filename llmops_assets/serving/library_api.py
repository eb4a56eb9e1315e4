"""The models on disk and in memory: tags, show, ps, blobs, create, copy and delete."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from llmops_assets.errors import LLMOpsError
from llmops_assets.serving.api_errors import ApiError, body_of
from llmops_assets.serving.blobs import BlobStore, CorruptBlobError, hex_of
from llmops_assets.serving.durations import expiry, rfc3339
from llmops_assets.serving.inference_api import NDJSON, Inference, json_line, json_response, read_body
from llmops_assets.serving.inference_request import read_turn
from llmops_assets.serving.loaded_models import LoadedModels, Place
from llmops_assets.serving.model_creation import Progress, create
from llmops_assets.serving.model_details import details, shown
from llmops_assets.serving.model_library import ModelLibrary, ModelNotFoundError, StoredModel
from llmops_assets.serving.model_names import InvalidNameError, parse_name
from llmops_assets.serving.request_fields import Fields

PIECE = 1 << 20


def routes(inference: Inference) -> APIRouter:
    """The routes of the library."""
    router = APIRouter()
    library, models = inference.library, inference.models

    @router.api_route("/api/tags", methods=["GET", "HEAD"])
    async def tags() -> Response:
        stored = await asyncio.to_thread(library.models)
        return json_response({"models": [_listed(model) | {"modified_at": _when(model)} for model in stored]})

    @router.get("/api/ps")
    async def ps() -> Response:
        return json_response({"models": [_running(models, place) for place in models.now]})

    @router.post("/api/show")
    async def show(request: Request) -> Response:
        fields = await read_body(request, "ShowRequest")
        name = fields.text("model") or fields.text("name")
        if not name:
            raise ApiError(400, "model is required")
        return json_response(await asyncio.to_thread(_show, library, name, fields))

    @router.post("/api/create")
    async def create_model(request: Request) -> Response:
        fields = await read_body(request, "CreateRequest")
        return await _create(library, fields)

    @router.post("/api/copy")
    async def copy(request: Request) -> Response:
        fields = await read_body(request, "CopyRequest")
        await asyncio.to_thread(_copy, library, fields.text("source"), fields.text("destination"))
        return Response()

    @router.delete("/api/delete")
    async def delete(request: Request) -> Response:
        fields = await read_body(request, "DeleteRequest")
        await asyncio.to_thread(_delete, library, fields.text("model") or fields.text("name"))
        return Response()

    @router.head("/api/blobs/{digest}")
    async def head_blob(digest: str) -> Response:
        return Response(status_code=200 if await asyncio.to_thread(_is_whole, library.blobs, digest) else 404)

    @router.post("/api/blobs/{digest}")
    async def post_blob(digest: str, request: Request) -> Response:
        return Response(status_code=await _upload(library.blobs, digest, request))

    return router


def _listed(model: StoredModel) -> dict[str, Any]:
    name = str(model.name)
    return {"name": name, "model": name, "size": model.size, "digest": model.digest, "details": details(model)}


def _when(model: StoredModel) -> str:
    return rfc3339(model.modified_ns)


def _running(models: LoadedModels, place: Place) -> dict[str, Any]:
    left = models.seconds_left(place)
    return _listed(place.model) | {"expires_at": expiry(left), "size_vram": 0, "context_length": place.key.context}


def _show(library: ModelLibrary, name: str, fields: Fields) -> dict[str, Any]:
    try:
        model = library.model(name)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"model '{name}' not found") from error
    system = fields.text("system")
    return shown(library, model, system=system) | {"modified_at": _when(model)}


async def _create(library: ModelLibrary, fields: Fields) -> Response:
    steps = create(library, _as_create_request(fields))
    if fields.flag("stream", True):
        first = await asyncio.to_thread(next, steps)
        return StreamingResponse(_progress(first, steps), media_type=NDJSON)
    last = await asyncio.to_thread(lambda: [*steps][-1])
    return json_response(last)


def _as_create_request(fields: Fields) -> dict[str, Any]:
    """The fields that create reads, each of its type."""
    licence = fields.get("license")
    messages = fields.objects("messages", "CreateRequest.messages")
    files, adapters = Fields(fields.mapping("files"), "CreateRequest.files"), fields.mapping("adapters")
    return {
        "model": fields.text("model") or fields.text("name"),
        "from": fields.text("from"),
        "files": {name: files.text(name) for name in files.values},
        "adapters": adapters,
        "template": fields.text("template"),
        "system": fields.text("system"),
        "license": licence if isinstance(licence, str) else fields.texts("license"),
        "parameters": fields.mapping("parameters"),
        "messages": [read_turn(message) for message in messages],
        "quantize": fields.text("quantize") or fields.text("quantization"),
    }


async def _progress(first: Progress, steps: Iterator[Progress]) -> AsyncIterator[bytes]:
    step: Progress | None = first
    try:
        while step is not None:
            yield json_line(step) + b"\n"
            step = await asyncio.to_thread(next, steps, None)
    except Exception as error:
        yield json_line(body_of(error)) + b"\n"
        if not isinstance(error, LLMOpsError):
            raise


def _copy(library: ModelLibrary, source: str, destination: str) -> None:
    for what, name in (("source", source), ("destination", destination)):
        _require_name(name, f'{what} "{name}" is invalid')
    try:
        library.copy(source, destination)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f'model "{source}" not found') from error


def _delete(library: ModelLibrary, name: str) -> None:
    _require_name(name, f'name "{name}" is invalid')
    library.delete(name)


def _require_name(name: str, text: str) -> None:
    try:
        parse_name(name)
    except InvalidNameError as error:
        raise ApiError(400, text) from error


def _is_whole(blobs: BlobStore, digest: str) -> bool:
    """Whether a blob is here and undamaged, so that another upload of it is not needed."""
    try:
        blobs.verify(digest)
    except (CorruptBlobError, FileNotFoundError):
        return False
    return True


async def _upload(blobs: BlobStore, digest: str, request: Request) -> int:
    """Stores a body under its digest, a piece at a time, and returns the status."""
    wanted = f"sha256:{hex_of(digest)}"
    if await asyncio.to_thread(_is_whole, blobs, wanted):
        # An answer before the body has been read would break the connection of a client that still sends.
        async for _ in request.stream():
            pass
        return 200
    with blobs.upload() as upload:
        piece = bytearray()
        async for chunk in request.stream():
            piece += chunk
            if len(piece) >= PIECE:
                await asyncio.to_thread(upload.write, bytes(piece))
                piece.clear()
        await asyncio.to_thread(upload.write, bytes(piece))
        found = await asyncio.to_thread(upload.keep)
    if found != wanted:
        raise ApiError(400, f'digest mismatch, expected "{wanted}", got "{found}"')
    return 201
