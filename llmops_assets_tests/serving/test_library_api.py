"""Blobs, create, tags, show, ps, copy and delete, by the official client against a real server."""

import hashlib
from pathlib import Path

import httpx
import ollama
import pytest

from llmops_assets.serving.chat_template import GO_TEMPLATE
from llmops_assets.serving.embedded_server import RunningServer
from llmops_assets_tests.serving.speaking import HELLO, create_tiny


def digest_of(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def names(client: ollama.Client) -> list[str | None]:
    return [entry.model for entry in client.list().models]


def test_the_server_says_that_it_runs(http: httpx.Client) -> None:
    assert http.get("/").text == "Ollama is running"
    assert http.head("/").status_code == 200
    assert http.get("/api/version").json()["version"].count(".") == 2


def test_a_listed_model_has_its_details(client: ollama.Client, tiny_gguf: Path) -> None:
    entry = next(entry for entry in client.list().models if entry.model == "tiny:latest")
    assert entry.details is not None
    assert entry.details.model_dump() == {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "3.22M",
        "quantization_level": "F16",
    }
    assert entry.size is not None
    assert entry.size > tiny_gguf.stat().st_size


def test_the_newest_model_is_listed_first(client: ollama.Client) -> None:
    client.copy("tiny", "newest-first")
    assert names(client)[0] == "newest-first:latest"


@pytest.mark.parametrize(
    ("digest", "status"),
    [("sha256:" + "0" * 64, 404), ("sha256:xyz", 400), ("sha256:" + "0" * 63, 400), ("..%2F..%2Fetc%2Fpasswd", 404)],
)
def test_a_blob_that_is_not_here(http: httpx.Client, digest: str, status: int) -> None:
    assert http.head(f"/api/blobs/{digest}").status_code == status


def test_an_upload_is_201_then_200_and_head_finds_it(http: httpx.Client, tmp_path: Path) -> None:
    data = b"x" * (3 << 20)
    url = f"/api/blobs/sha256:{hashlib.sha256(data).hexdigest()}"
    assert [http.post(url, content=data).status_code for _ in range(2)] == [201, 200]
    assert http.head(url).status_code == 200


def test_an_upload_mends_a_damaged_blob(http: httpx.Client, server: RunningServer) -> None:
    hexed = hashlib.sha256(b"whole").hexdigest()
    url, blob = f"/api/blobs/sha256:{hexed}", server.folder / "blobs" / f"sha256-{hexed}"
    blob.write_bytes(b"whale")
    assert (http.head(url).status_code, http.post(url, content=b"whole").status_code) == (404, 201)
    assert (http.head(url).status_code, blob.read_bytes()) == (200, b"whole")


def test_an_upload_under_a_wrong_digest_is_refused_and_kept_under_its_own(http: httpx.Client) -> None:
    data, wrong = b"other bytes", "sha256:" + "1" * 64
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    reply = http.post(f"/api/blobs/{wrong}", content=data)
    assert (reply.status_code, reply.json()) == (400, {"error": f'digest mismatch, expected "{wrong}", got "{found}"'})
    assert http.head(f"/api/blobs/{wrong}").status_code == 404
    assert http.head(f"/api/blobs/{found}").status_code == 200


def test_an_upload_with_no_digest_is_refused(http: httpx.Client) -> None:
    reply = http.post("/api/blobs/md5:1234", content=b"x")
    assert (reply.status_code, reply.json()) == (400, {"error": "invalid digest format"})


def test_create_tells_its_steps(client: ollama.Client) -> None:
    steps = [step.status for step in client.create(model="steps", from_="tiny", system="Be short.", stream=True)]
    assert steps[0] == "parsing GGUF"
    assert steps[-2:] == ["writing manifest", "success"]


def test_create_without_a_stream_gives_the_last_step(client: ollama.Client) -> None:
    assert client.create(model="last-step", from_="tiny").status == "success"


def test_create_over_a_model_inherits_what_is_not_said(client: ollama.Client) -> None:
    client.create(model="heir", from_="tiny", parameters={"top_k": 5}, system="Be short.", license="Free.")
    client.create(model="grandheir", from_="heir", license="As you like.")
    shown = client.show("grandheir")
    assert shown.modelfile is not None
    assert 'SYSTEM """Be short."""' in shown.modelfile
    assert shown.license == "Free.\nAs you like."
    assert (shown.parameters or "").split() == ["num_ctx", "512", "num_predict", "16", "temperature", "0", "top_k", "5"]


def test_show_tells_the_template_and_the_file(client: ollama.Client) -> None:
    shown = client.show("tiny")
    assert shown.template == GO_TEMPLATE
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["llama.context_length"] == 512
    assert shown.modelinfo["general.parameter_count"] == 3219776
    assert shown.modelinfo["tokenizer.ggml.tokens"] is None


def test_a_copy_has_the_same_digest_and_outlives_its_source(client: ollama.Client) -> None:
    client.create(model="source", from_="tiny", system="Copied.")
    client.copy("source", "team/destination:1")
    digests = {entry.model: entry.digest for entry in client.list().models}
    assert digests["team/destination:1"] == digests["source:latest"]
    client.delete("source")
    assert "source:latest" not in names(client)
    assert client.chat(model="team/destination:1", messages=HELLO).message.content


def test_names_are_found_in_any_case(client: ollama.Client) -> None:
    assert client.show("TINY:Latest").template == GO_TEMPLATE


def test_ps_tells_what_is_loaded_and_until_when(client: ollama.Client) -> None:
    client.chat(model="tiny", messages=HELLO, keep_alive=-1)
    entry = next(entry for entry in client.ps().models if entry.context_length == 512)
    assert entry.expires_at is not None
    assert entry.expires_at.year > 2200
    client.chat(model="tiny", messages=HELLO, keep_alive="1h")
    entry = next(entry for entry in client.ps().models if entry.context_length == 512)
    assert entry.expires_at is not None
    assert entry.expires_at.year < 2200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "show", {"model": "ghost"}, 404, "model 'ghost' not found"),
        ("POST", "show", {}, 400, "model is required"),
        ("DELETE", "delete", {"model": "ghost"}, 404, "model 'ghost' not found"),
        ("DELETE", "delete", {"model": "../x"}, 400, 'name "../x" is invalid'),
        ("POST", "copy", {"source": "ghost", "destination": "a"}, 404, 'model "ghost" not found'),
        ("POST", "copy", {"source": "a b", "destination": "a"}, 400, 'source "a b" is invalid'),
        ("POST", "copy", {"source": "tiny", "destination": ""}, 400, 'destination "" is invalid'),
        ("POST", "create", {"model": "x"}, 400, "neither 'from' or 'files' was specified"),
        ("POST", "create", {"model": "..", "from": "tiny"}, 400, "invalid model name"),
        ("POST", "create", {"model": "x", "from": "ghost"}, 404, "model 'ghost' not found"),
        ("POST", "create", {"model": "x", "files": {"../a": "sha256:" + "0" * 64}}, 400, "file path must be relative"),
        ("POST", "create", {"model": "x", "files": {"a": "nonsense"}}, 400, "invalid digest format"),
        ("POST", "show", None, 400, "missing request body"),
        (
            "POST",
            "show",
            {"model": 7},
            400,
            "json: cannot unmarshal number into Go struct field ShowRequest.model of type string",
        ),
    ],
)
def test_errors_have_ollamas_status_and_text(
    http: httpx.Client, method: str, path: str, body: dict[str, object] | None, status: int, error: str
) -> None:
    reply = (
        http.request(method, f"/api/{path}", json=body) if body is not None else http.request(method, f"/api/{path}")
    )
    assert (reply.status_code, reply.json()) == (status, {"error": error})


def test_a_file_that_is_no_gguf_is_refused(http: httpx.Client, client: ollama.Client, tmp_path: Path) -> None:
    (tmp_path / "cake.gguf").write_text("flour and eggs")
    digest = client.create_blob(tmp_path / "cake.gguf")
    reply = http.post("/api/create", json={"model": "cake", "files": {"cake.gguf": digest}, "stream": False})
    assert (reply.status_code, reply.json()) == (400, {"error": "supplied file was not in GGUF format"})


def test_a_cut_gguf_is_refused_in_the_stream_and_the_old_model_stays(
    client: ollama.Client, tiny_gguf: Path, tmp_path: Path
) -> None:
    create_tiny(client, tiny_gguf, "kept")
    (tmp_path / "cut.gguf").write_bytes(tiny_gguf.read_bytes()[:-4096])
    digest = client.create_blob(tmp_path / "cut.gguf")
    with pytest.raises(ollama.ResponseError, match="supplied GGUF file is cut") as raised:
        list(client.create(model="kept", files={"cut.gguf": digest}, stream=True))
    assert raised.value.status_code == -1
    assert client.chat(model="kept", messages=HELLO).message.content


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/api/chat", 405)])
def test_unknown_paths_and_methods(http: httpx.Client, method: str, path: str, status: int) -> None:
    assert http.request(method, path).status_code == status
