"""/v1 in OpenAI's shape, over plain HTTP."""

import json
from typing import Any

import httpx
import jsonschema
import ollama
import pytest

from llmops_assets_tests.serving.speaking import HELLO, SCHEMA


def ask(http: httpx.Client, **fields: Any) -> httpx.Response:
    return http.post("/v1/chat/completions", json={"model": "tiny", "messages": HELLO, **fields})


def chunks_of(http: httpx.Client, **fields: Any) -> list[str]:
    text = ask(http, stream=True, **fields).text
    assert text.endswith("data: [DONE]\n\n")
    return [part.removeprefix("data: ") for part in text.split("\n\n")[:-2]]


def test_an_answer_is_the_one_that_ollamas_api_gives(http: httpx.Client, client: ollama.Client) -> None:
    reply = ask(http).json()
    choice = reply["choices"][0]
    assert choice["message"] == {
        "role": "assistant",
        "content": client.chat(model="tiny", messages=HELLO).message.content,
    }
    assert (reply["object"], choice["finish_reason"]) == ("chat.completion", "length")
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + 16


def test_a_stream_says_the_same(http: httpx.Client) -> None:
    chunks = [json.loads(chunk) for chunk in chunks_of(http, stream_options={"include_usage": True})]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == ask(http).json()["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["completion_tokens"]) == ([], 16)
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1


def test_the_models_own_temperature_stays_where_none_is_given(http: httpx.Client) -> None:
    # The model is greedy; at 1.0 the answers of a random model would differ.
    assert len({ask(http).json()["choices"][0]["message"]["content"] for _ in range(3)}) == 1


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_max_tokens_bounds_the_answer(http: httpx.Client, name: str) -> None:
    assert ask(http, **{name: 3}).json()["usage"]["completion_tokens"] == 3


def test_a_schema_is_kept(http: httpx.Client) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    text = ask(http, response_format=wanted, max_tokens=200).json()["choices"][0]["message"]["content"]
    jsonschema.validate(json.loads(text), SCHEMA)


def test_parts_of_text_are_read(http: httpx.Client) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    assert ask(http, messages=parts).json()["choices"] == ask(http).json()["choices"]


def test_models_are_listed(http: httpx.Client) -> None:
    listed = http.get("/v1/models").json()["data"]
    entry = next(entry for entry in listed if entry["id"] == "tiny:latest")
    assert (entry["object"], entry["owned_by"]) == ("model", "library")
    assert http.get("/v1/models/tiny").json() == entry


@pytest.mark.parametrize(
    ("fields", "status", "kind", "message"),
    [
        ({"model": "ghost"}, 404, "not_found_error", "model 'ghost' not found"),
        ({"messages": []}, 400, "invalid_request_error", "[] is too short - 'messages'"),
        ({"temperature": "hot"}, 500, "api_error", 'option "temperature" must be of type float32'),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "invalid_request_error",
            "invalid message content: this server reads parts of type text only",
        ),
    ],
)
def test_errors_have_openais_shape(
    http: httpx.Client, fields: dict[str, Any], status: int, kind: str, message: str
) -> None:
    reply = ask(http, **fields)
    assert reply.status_code == status
    assert reply.json() == {"error": {"message": message, "type": kind, "param": None, "code": None}}
