"""The gateway: HTTP in front of the served products, each behind its guard, with bounds on time, size and number of requests.

POST /task                {"text": "remind me to call Ana"}, also as /taskmaster/task; in a conversation with its "history",
                          [{"role": "user", "content": "..."}, {"role": "assistant", "content": the reply's "answer"}, ...]
                          "now": "2026-11-30T21:05:00-08:00" is the caller's clock, against which dates are resolved
POST /feedback            {"request_id": "...", "positive": true, "comment": ""}
GET  /health, /metrics
"""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field, field_validator
from starlette.exceptions import HTTPException

from llmops_assets.deployment.body_limit import BodyLimit
from llmops_assets.deployment.door import Door
from llmops_assets.deployment.rated_requests import Answered, RatedRequests

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_BODY = 256 * 1024


class Turn(BaseModel):
    """A turn of the conversation before: a request, its answer, or what the caller's own store said to that."""

    role: Literal["user", "assistant", "tool"]
    content: str = Field(min_length=1, max_length=8000, pattern=r"\S")


class Asked(BaseModel):
    """A request of a product.

    Attributes:
        now: the caller's clock with its zone, as `2026-11-30T21:05:00-08:00`; without it the server's own.
    """

    text: str = Field(min_length=1, max_length=8000, pattern=r"\S")
    history: list[Turn] = Field(default=[], max_length=20)
    now: AwareDatetime | None = None

    @field_validator("history")
    @classmethod
    def _ends_before_the_request(cls, history: list[Turn]) -> list[Turn]:
        if history and (history[0].role != "user" or history[-1].role == "user"):
            raise ValueError("expected a user turn first and an answer or a tool turn last")
        return history

    @property
    def turns(self) -> list[dict[str, str]]:
        """The history as the chat format has it."""
        return [{"role": turn.role, "content": turn.content} for turn in self.history]


class Rating(BaseModel):
    """What a user thought of an answer."""

    request_id: str = Field(min_length=1, max_length=64)
    positive: bool
    comment: str = Field(default="", max_length=2000)


@dataclass(frozen=True)
class Gateway:
    """The products that it serves, the metrics of all, and what else it mounts."""

    doors: Sequence[Door]
    exposition: Callable[[], bytes]
    routers: Sequence[APIRouter] = ()

    @functools.cached_property
    def paths(self) -> dict[str, Door]:
        """Every product has a path of its own, `/taskmaster/task`; the first one of a task also the short `/task`."""
        paths: dict[str, Door] = {}
        for door in self.doors:
            paths.setdefault(door.path, door)
            paths[f"/{door.product.model.partition(':')[0]}{door.path}"] = door
        return paths

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI(title="llmops gateway", lifespan=self._lifespan, docs_url=None, redoc_url=None)
        app.add_middleware(BodyLimit, limit=MAX_BODY)
        rated = RatedRequests()
        for path, door in self.paths.items():
            app.post(path, name=door.product.name)(_product_endpoint(door, rated))
        app.get("/health")(self._health)
        app.get("/metrics")(self._metrics)
        app.post("/feedback")(_feedback_endpoint(rated))
        for router in self.routers:
            app.include_router(router)
        app.add_exception_handler(RequestValidationError, self._invalid)
        app.add_exception_handler(HTTPException, self._http_error)
        return app

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        for door in self.doors:
            door.readiness.start()
        yield
        for door in self.doors:
            door.readiness.stop()

    async def _health(self) -> JSONResponse:
        """200 when every product's model has answered, else 503 and why."""
        found = {
            door.product.name: {
                "ready": door.readiness.ready,
                "version": door.version,
                "problem": door.readiness.problem,
            }
            for door in self.doors
        }
        ready = all(door.readiness.ready for door in self.doors)
        return JSONResponse({"status": "ready" if ready else "not ready", "products": found}, 200 if ready else 503)

    async def _metrics(self) -> Response:
        return Response(self.exposition(), media_type=METRICS_TYPE)

    async def _invalid(self, request: Request, error: Exception) -> JSONResponse:
        """One line that never repeats what was sent."""
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str)) or "the body"
        self._count(request, 422)
        return JSONResponse({"error": f"expected another request at {request.url.path}; {where}: {first['msg']}"}, 422)

    async def _http_error(self, request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        self._count(request, error.status_code)
        said = f"{error.detail}: {request.method} {request.url.path}; see /openapi.json"
        return JSONResponse({"error": said}, error.status_code, error.headers)

    def _count(self, request: Request, status: int) -> None:
        door = self.paths.get(request.url.path)
        if door is not None:
            door.observer.failed(status, 0.0, door.version)


def _product_endpoint(door: Door, rated: RatedRequests) -> Callable[..., Any]:
    async def ask(asked: Asked) -> JSONResponse:
        reply = await door.answer(asked.text, asked.turns, asked.now)
        if reply.request_id:
            rated.remember(reply.request_id, Answered(door, reply.body["version"]))
        return JSONResponse(reply.body, reply.status, reply.headers)

    return ask


def _feedback_endpoint(rated: RatedRequests) -> Callable[..., Any]:
    async def rate(rating: Rating) -> JSONResponse:
        answered = rated.take(rating.request_id)
        if answered is None:
            said = f"expected the id of a recent answer without a rating, got {rating.request_id}; send the answer's request_id"
            return JSONResponse({"error": said}, 404)
        observer = answered.door.observer
        observer.rated(rating.request_id, answered.version, positive=rating.positive, comment=rating.comment)
        return JSONResponse({"status": "thank you"})

    return rate
