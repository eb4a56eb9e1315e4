"""What went wrong, as Ollama's API says it: a status and one line of text."""

from typing import Any

from llmops_assets.errors import LLMOpsError, ServingError
from llmops_assets.serving.blobs import InvalidDigestError
from llmops_assets.serving.durations import DurationError
from llmops_assets.serving.engine import PromptTooLongError
from llmops_assets.serving.gguf_header import GgufError
from llmops_assets.serving.go_syntax import TemplateError
from llmops_assets.serving.model_creation import CreateError
from llmops_assets.serving.model_library import ModelNotFoundError
from llmops_assets.serving.model_names import InvalidNameError

BUSY = "server busy, please try again.  maximum pending requests exceeded"
CANCELED = "request canceled"
STATUSES: dict[type[LLMOpsError], int] = {
    ModelNotFoundError: 404,
    InvalidNameError: 400,
    InvalidDigestError: 400,
    CreateError: 400,
    GgufError: 400,
    TemplateError: 400,
    DurationError: 400,
    PromptTooLongError: 400,
}


class ApiError(ServingError):
    """An answer that is no success."""

    def __init__(self, status: int, text: str) -> None:
        """Keeps the status beside the text."""
        super().__init__(text)
        self.status = status


class ServerBusyError(ApiError):
    """More requests wait than may."""

    def __init__(self) -> None:
        """Has Ollama's status and text."""
        super().__init__(503, BUSY)


def status_of(error: BaseException) -> int:
    """The HTTP status for an error."""
    if isinstance(error, ApiError):
        return error.status
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)


def text_of(error: BaseException) -> str:
    """The one line for an error."""
    return " ".join(str(error).split("\n")) or type(error).__name__


def body_of(error: BaseException) -> dict[str, Any]:
    """The JSON for an error."""
    return {"error": text_of(error)}


def openai_body_of(error: BaseException) -> dict[str, Any]:
    """The JSON for an error under /v1."""
    status = status_of(error)
    kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
    return {"error": {"message": text_of(error), "type": kind, "param": None, "code": None}}
