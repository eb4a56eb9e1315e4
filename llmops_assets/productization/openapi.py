"""The API of the server that comes with a bundle, as OpenAPI 3.1: the part of Ollama's API that the product promises."""

import json
from pathlib import Path
from typing import Any

import yaml

from llmops_assets.recipes.product import ProductConfig


def write_openapi(
    product: ProductConfig, *, url: str, model: str, request: str, answer: str, schema: Path | None
) -> str:
    """The YAML text; its example is a request that the model was really asked, and what it answered."""
    content: dict[str, Any] = {"type": "string", "description": "What the model says."}
    if schema is not None:
        content |= {
            "contentMediaType": "application/json",
            "contentSchema": json.loads(schema.read_text(encoding="utf-8")),
        }
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": product.product_name,
            "version": product.version,
            "summary": product.tagline,
            "description": product.description,
            "contact": {"name": f"{product.seller}, {product.contact}"},
            "license": {"name": product.license_terms.name},
        },
        "servers": [{"url": url}],
        "paths": {
            "/api/chat": {"post": _chat(model, request, answer)},
            "/api/tags": {"get": _get("models", "The models that the server has", "Tags")},
            "/api/version": {"get": _get("version", "The server's version", "Version")},
        },
        "components": {"schemas": _schemas(model, content)},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _chat(model: str, request: str, answer: str) -> dict[str, Any]:
    asked = {"model": model, "messages": [{"role": "user", "content": request}], "stream": False}
    said = {"model": model, "message": {"role": "assistant", "content": answer}, "done": True, "done_reason": "stop"}
    return {
        "operationId": "chat",
        "summary": "Answers a request",
        "requestBody": {"required": True, "content": _json("ChatRequest", asked)},
        "responses": {
            "200": {
                "description": "The answer; one JSON object a line where `stream` is on",
                "content": _json("ChatReply", said),
            },
            **{
                code: _error(text)
                for code, text in {"400": "Malformed", "404": "No such model", "503": "Too busy"}.items()
            },
        },
    }


def _get(operation: str, summary: str, schema: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": _json(schema)}},
    }


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": _json("Error")}


def _json(schema: str, example: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return {"application/json": body | ({"example": example} if example else {})}


def _schemas(model: str, content: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string"}
    roles = {"type": "string", "enum": ["system", "user", "assistant"]}
    asked = {"type": "object", "required": ["role", "content"], "properties": {"role": roles, "content": text}}
    said = {"type": "object", "required": ["role", "content"], "properties": {"role": text, "content": content}}
    return {
        "ChatRequest": {
            "type": "object",
            "required": ["model", "messages"],
            "properties": {
                "model": {"type": "string", "examples": [model]},
                "messages": {"type": "array", "minItems": 1, "items": asked},
                "stream": {"type": "boolean", "default": True},
            },
        },
        "ChatReply": {
            "type": "object",
            "required": ["model", "message", "done"],
            "properties": {
                "model": text,
                "message": said,
                "done": {"type": "boolean"},
                "done_reason": {"type": "string", "enum": ["stop", "length"]},
                "prompt_eval_count": {"type": "integer", "description": "tokens read"},
                "eval_count": {"type": "integer", "description": "tokens written"},
                "total_duration": {"type": "integer", "description": "nanoseconds"},
            },
        },
        "Tags": {
            "type": "object",
            "properties": {
                "models": {"type": "array", "items": {"type": "object", "properties": {"name": text, "digest": text}}}
            },
        },
        "Version": {"type": "object", "properties": {"version": text}},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": text}},
    }
