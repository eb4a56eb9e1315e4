"""The server as an ASGI application: Ollama's routes, its plain answers for what it does not know, and who may call it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from llmops_assets.errors import LLMOpsError
from llmops_assets.serving import inference_api, library_api, openai_api
from llmops_assets.serving.api_errors import CANCELED, ApiError, body_of, openai_body_of, status_of
from llmops_assets.serving.callers import OnlyLocalCallers
from llmops_assets.serving.inference_api import Inference, json_response

VERSION = "0.12.6-llmops"
PLAIN = {404: "404 page not found", 405: "405 method not allowed"}


def make_application(inference: Inference, *, loopback: bool) -> FastAPI:
    """The application.

    Args:
        inference: what answers.
        loopback: whether it listens on this machine only; then it answers only to names of this machine, so that no web
            page can reach it under a name of its own.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await inference.models.close()

    app = FastAPI(title="Ollama's API", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.include_router(inference_api.routes(inference))
    app.include_router(library_api.routes(inference))
    app.include_router(openai_api.routes(inference))
    _add_plain_routes(app)
    app.add_exception_handler(LLMOpsError, _say_error)
    app.add_exception_handler(Exception, _say_error)
    app.add_exception_handler(ClientDisconnect, _say_gone)
    app.add_exception_handler(HTTPException, _say_status)
    app.add_middleware(OnlyLocalCallers, loopback=loopback)
    return app


def _add_plain_routes(app: FastAPI) -> None:
    @app.api_route("/", methods=["GET", "HEAD"])
    async def alive() -> Response:
        return Response("Ollama is running", media_type="text/plain; charset=utf-8")

    @app.api_route("/api/version", methods=["GET", "HEAD"])
    async def version() -> Response:
        return json_response({"version": VERSION})


async def _say_error(request: Request, error: Exception) -> Response:
    body = openai_body_of(error) if request.url.path.startswith("/v1/") else body_of(error)
    return json_response(body, status_of(error))


async def _say_gone(request: Request, _: Exception) -> Response:
    return await _say_error(request, ApiError(499, CANCELED))


async def _say_status(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Response(PLAIN.get(status, f"{status}"), status, media_type="text/plain")
