"""Ollama's create: from uploaded files or from another model, with template, system, parameters, licences and messages."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.serving import options
from llmops_assets.serving.blobs import hex_of
from llmops_assets.serving.chat_template import GO_TEMPLATE
from llmops_assets.serving.gguf_header import GgufHeader, read_header
from llmops_assets.serving.go_template import parse
from llmops_assets.serving.model_library import LAYER_TYPE, ModelLibrary, StoredModel
from llmops_assets.serving.model_names import parse_name

Progress = dict[str, Any]
PLAIN_TEMPLATE = "{{ .Prompt }}"


class CreateError(ServingError):
    """A create request that asks for what cannot be."""


def create(library: ModelLibrary, request: Mapping[str, Any]) -> Iterator[Progress]:
    """Creates a model, telling each step.

    Args:
        library: where the model goes, and where its blobs lie.
        request: the fields of Ollama's create request.

    Raises:
        ServingError: the request is wrong; the name points to what it pointed to before.
    """
    name = request.get("model") or request.get("name") or ""
    parse_name(name)
    _refuse_unsupported(request)
    base = library.model(request["from"]) if request.get("from") else None
    digest = base.gguf if base else _uploaded(library, request.get("files") or {})
    yield {"status": "parsing GGUF"}
    header = read_header(library.blobs.path(digest))
    fields = _merged(base, request)
    if not fields["template"]:
        kind, fields["template"] = _detected(header)
        yield {"status": f"using autodetected template {kind}"}
    parse(fields["template"])
    yield {"status": f"using existing layer {digest}"}
    size = library.blobs.path(digest).stat().st_size
    layers = [{"mediaType": f"{LAYER_TYPE}model", "digest": digest, "size": size}]
    for kind, data in _texts(fields):
        layers.append(library.layer(LAYER_TYPE + kind, data))
        yield {"status": f"creating new layer {layers[-1]['digest']}"}
    yield {"status": "writing manifest"}
    library.write(name, _config(header), layers)
    yield {"status": "success"}


def _refuse_unsupported(request: Mapping[str, Any]) -> None:
    if not request.get("from") and not request.get("files"):
        raise CreateError("neither 'from' or 'files' was specified")
    if request.get("adapters"):
        raise CreateError(
            "adapters are not supported by this server; merge the adapter and create from the merged GGUF"
        )
    if request.get("quantize") or request.get("quantization"):
        raise CreateError("quantization is not supported by this server; upload a quantised GGUF")


def _uploaded(library: ModelLibrary, files: Mapping[str, str]) -> str:
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise CreateError("file path must be relative")
    if len(files) != 1:
        raise CreateError("expected one GGUF file, got several; merge split files first")
    digest = f"sha256:{hex_of(next(iter(files.values())))}"
    if not library.blobs.has(digest):
        raise CreateError(f"blob {digest} not found; upload it before creating the model")
    return digest


def _merged(base: StoredModel | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request over what the base model says: parameters one by one, licences added, the rest replaced."""
    parameters = dict(base.parameters if base else {}) | dict(request.get("parameters") or {})
    given = request.get("license") or []
    return {
        "template": request.get("template") or (base.template if base else ""),
        "system": request.get("system") or (base.system if base else ""),
        "license": [*(base.license if base else ()), *([given] if isinstance(given, str) else given)],
        "params": options.check(parameters),
        "messages": list(request.get("messages") or (base.messages if base else ())),
    }


def _detected(header: GgufHeader) -> tuple[str, str]:
    """The name and text of the template that fits the GGUF's own."""
    own = header.metadata.get("tokenizer.chat_template") or ""
    return ("chatml", GO_TEMPLATE) if "<|im_start|>" in own else ("default", PLAIN_TEMPLATE)


def _texts(fields: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for kind in ("template", "system"):
        if fields[kind]:
            yield kind, fields[kind].encode()
    for licence in fields["license"]:
        yield "license", licence.encode()
    for kind in ("params", "messages"):
        if fields[kind]:
            yield kind, json.dumps(fields[kind], sort_keys=True, separators=(",", ":")).encode()


def _config(header: GgufHeader) -> dict[str, Any]:
    return {
        "model_format": "gguf",
        "model_family": header.architecture,
        "model_families": [header.architecture],
        "model_type": header.parameter_size,
        "file_type": header.quantization,
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
    }
