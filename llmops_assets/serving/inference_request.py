"""Chat and generate requests of Ollama's API, read and checked: what to ask of which model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.serving import options
from llmops_assets.serving.api_errors import ApiError
from llmops_assets.serving.durations import keep_alive_seconds
from llmops_assets.serving.generating import Job
from llmops_assets.serving.go_template import parse as parse_template
from llmops_assets.serving.loaded_models import Key
from llmops_assets.serving.model_details import header_of
from llmops_assets.serving.model_library import ModelLibrary, ModelNotFoundError, StoredModel
from llmops_assets.serving.model_names import InvalidNameError
from llmops_assets.serving.prompting import Message, render_prompt
from llmops_assets.serving.request_fields import Fields
from llmops_assets.serving.token_choice import ANY_OBJECT

DEFAULT_CONTEXT = 2048
ROLES = ("system", "user", "assistant", "tool")
THINK_LEVELS = ("low", "medium", "high", "max")


@dataclass(frozen=True)
class Asked:
    """A request that was understood; `job` is None where the model is only to be loaded or unloaded."""

    name: str
    model: StoredModel
    key: Key
    stream: bool
    keep_s: float | None
    job: Job | None

    @property
    def unloads(self) -> bool:
        """Whether it asks for the model to leave the memory."""
        return self.job is None and self.keep_s == 0


def chat(library: ModelLibrary, fields: Fields) -> Asked:
    """Reads a chat request.

    Raises:
        ServingError: it cannot be carried out; `api_errors.status_of` knows the status.
    """
    name = fields.text("model")
    if not name:
        raise ApiError(400, "model is required")
    model = _model(library, name)
    if fields.items("tools"):
        raise ApiError(400, f"{name} does not support tools")
    turns = [read_turn(item) for item in fields.objects("messages", "ChatRequest.messages")]
    messages = [*model.messages, *turns]
    if turns and turns[0]["role"] != "system" and model.system:
        messages.insert(0, {"role": "system", "content": model.system})
    template = model.template
    truncate = fields.flag("truncate", True)
    return _asked(library, fields, name, model, (lambda: _prompts(template, messages, truncate)) if turns else None)


def generate(library: ModelLibrary, fields: Fields) -> Asked:
    """Reads a generate request; see `chat`."""
    name, prompt = fields.text("model"), fields.text("prompt")
    try:
        model = _model(library, name)
    except InvalidNameError as error:
        raise ModelNotFoundError(f"model '{name}' not found") from error
    template, system, raw = fields.text("template"), fields.text("system"), fields.flag("raw")
    if raw and (template or system or fields.items("context")):
        raise ApiError(400, "raw mode does not support template, system, or context")
    if fields.text("suffix"):
        raise ApiError(400, f"{name} does not support insert")
    if fields.items("context"):
        raise ApiError(400, "context is not supported by this server; send the conversation to /api/chat")
    if fields.items("images"):
        raise ApiError(400, f"{name} does not support vision")
    if template:
        parse_template(template)
    system = system or model.system
    first = [{"role": "system", "content": system}] if system else []
    messages = [*first, *model.messages, {"role": "user", "content": prompt}]
    source, truncate = template or model.template, fields.flag("truncate", True)
    prompts = (lambda: iter([prompt])) if raw else (lambda: _prompts(source, messages, truncate))
    return _asked(library, fields, name, model, prompts if prompt else None)


def _model(library: ModelLibrary, name: str) -> StoredModel:
    try:
        return library.model(name)
    except ModelNotFoundError as error:
        raise ModelNotFoundError(f"model '{name}' not found") from error


def read_turn(item: Fields) -> dict[str, str]:
    """A message.

    Raises:
        ApiError: its role is none, or it holds more than text.
    """
    role = item.text("role").lower()
    if role not in ROLES:
        allowed = ", ".join(f'"{known}"' for known in ROLES)
        raise ApiError(400, f'invalid role: "{role[:40]}", role must be one of [{allowed}]')
    if item.items("images"):
        raise ApiError(400, "images are not supported by this server")
    return {"role": role, "content": item.text("content")}


def _prompts(template: str, messages: Sequence[Message], truncate: bool) -> Iterator[str]:
    """The prompt; then, as Ollama does it, without the oldest turns, system turns and the last one kept."""
    turns = list(messages)
    yield render_prompt(template, turns)
    while truncate:
        oldest = next((at for at, turn in enumerate(turns[:-1]) if turn["role"] != "system"), None)
        if oldest is None:
            return
        del turns[oldest]
        yield render_prompt(template, turns)


def _asked(
    library: ModelLibrary, fields: Fields, name: str, model: StoredModel, prompts: Callable[[], Iterator[str]] | None
) -> Asked:
    keep_alive = fields.get("keep_alive")
    keep_s = None if keep_alive is None else keep_alive_seconds(keep_alive)
    _check_think(fields.get("think"), name)
    _check_logprobs(fields)
    given = options.check(fields.mapping("options"))
    key = _key(library, model, given)
    job = None
    if prompts:
        sampling = options.sampling(model.parameters, given)
        job = Job(model, key, prompts, sampling, json_schema(fields.get("format")), keep_s)
    return Asked(name, model, key, fields.flag("stream", True), keep_s, job)


def _key(library: ModelLibrary, model: StoredModel, given: dict[str, Any]) -> Key:
    """The weights, and the context that was asked for as far as the model was made for it."""
    path = library.blobs.path(model.gguf)
    wanted = given.get("num_ctx") or model.parameters.get("num_ctx") or DEFAULT_CONTEXT
    longest = header_of(library, model).context_length or wanted
    return Key(path, max(8, min(wanted, longest)))


def json_schema(value: Any) -> dict[str, Any] | None:
    """The JSON schema that `format` asks for.

    Raises:
        ApiError: it is neither "json" nor a schema.
    """
    if value is None or value == "":
        return None
    if value == "json":
        return ANY_OBJECT
    if isinstance(value, dict):
        return value
    raise ApiError(500, f'invalid format: "{value}"; expected "json" or a valid JSON Schema object')


def _check_think(value: Any, name: str) -> None:
    if value is None or value is False:
        return
    if value is True or value in THINK_LEVELS:
        raise ApiError(400, f'"{name}" does not support thinking')
    levels = ", ".join(f'"{level}"' for level in ("high", "medium", "low", "max"))
    raise ApiError(400, f'invalid think value: "{value}" (must be {levels}, true, or false)')


def _check_logprobs(fields: Fields) -> None:
    if not 0 <= fields.number("top_logprobs") <= 20:
        raise ApiError(400, "top_logprobs must be between 0 and 20")
    if fields.flag("logprobs"):
        raise ApiError(400, "logprobs are not supported by this server")
