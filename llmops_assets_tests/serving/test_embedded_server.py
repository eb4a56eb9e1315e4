"""The server's process: it starts, is found, refuses what is taken, drains, and leaves a library that still serves."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import ollama
import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving.embedded_server import RunningServer, find_running, start
from llmops_assets.serving.folder_lock import is_locked
from llmops_assets_tests.serving.speaking import HELLO, create_tiny, free_port

LONG = {"num_predict": 480}


@pytest.fixture(scope="module")
def made_library(tmp_path_factory: pytest.TempPathFactory, tiny_gguf: Path) -> Path:
    folder = tmp_path_factory.mktemp("made")
    server = start(folder, port=None)
    create_tiny(ollama.Client(host=server.url), tiny_gguf)
    server.stop()
    return folder


@pytest.fixture
def library(tmp_path: Path, made_library: Path) -> Iterator[Path]:
    """A folder with the model `tiny`; whatever serves it at the end is stopped."""
    folder = tmp_path / "library"
    shutil.copytree(made_library, folder)
    yield folder
    running = find_running(folder)
    if running:
        running.stop()


def said(server: RunningServer) -> str:
    return ollama.Client(host=server.url, timeout=60).chat(model="tiny", messages=HELLO).message.content or ""


def wait_until_unlocked(folder: Path, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while is_locked(folder):
        assert time.monotonic() < end, "the server still runs"
        time.sleep(0.05)


def long_answer(server: RunningServer, begun: threading.Event) -> list[str]:
    pieces = []
    for piece in ollama.Client(host=server.url).chat(model="tiny", messages=HELLO, stream=True, options=LONG):
        begun.set()
        pieces.append(piece.done_reason or "")
    return pieces


def test_a_running_server_is_found_until_it_is_stopped(library: Path) -> None:
    assert find_running(library) is None
    server = start(library, port=None)
    assert find_running(library) == server
    state = json.loads((library / "server.json").read_text())
    assert (state["url"], state["pid"], set(state)) == (server.url, server.pid, {"url", "pid", "started"})
    server.stop()
    assert find_running(library) is None
    assert not (library / "server.json").exists()
    server.stop()


def test_models_outlive_their_server(library: Path) -> None:
    answers = []
    for _ in range(2):
        server = start(library, port=None)
        answers.append(said(server))
        server.stop()
    assert answers[0] == answers[1]


def test_a_taken_port_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServingError, match=f"127.0.0.1:{port}.*choose another port") as raised:
            start(tmp_path / "library", port=port)
    assert "\n" not in str(raised.value)


def test_a_second_server_on_the_folder_is_refused_and_the_first_serves_on(library: Path) -> None:
    server = start(library, port=None)
    with pytest.raises(ServingError, match="another one has it") as raised:
        start(library, port=None)
    assert "\n" not in str(raised.value)
    assert find_running(library) == server


def test_a_stale_note_of_a_killed_server_is_not_believed(library: Path) -> None:
    server = start(library, port=None)
    os.kill(server.pid, signal.SIGKILL)
    wait_until_unlocked(library)
    assert (library / "server.json").exists()
    assert find_running(library) is None
    assert said(start(library, port=None))


def test_sigterm_finishes_a_running_request_and_exits_with_0(library: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "llmops_assets.serving.embedded_server", "--models", str(library)]
    process = subprocess.Popen([*command, "--port", str(port)], env={**os.environ, "OMP_WAIT_POLICY": "passive"})
    try:
        server = wait_for(library)
        begun = threading.Event()
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(long_answer, server, begun)
            assert begun.wait(30)
            process.terminate()
            pieces = answer.result(30)
        assert (len(pieces) > 400, pieces[-1]) == (True, "length")
        assert process.wait(10) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/api/version")
    finally:
        process.kill()
        process.wait()


def wait_for(folder: Path) -> RunningServer:
    end = time.monotonic() + 60
    while (server := find_running(folder)) is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    return server


@pytest.mark.parametrize("detached", [False, True])
def test_a_server_dies_with_its_parent_unless_it_is_detached(library: Path, detached: bool) -> None:
    code = (
        "import os, sys; from pathlib import Path; from llmops_assets.serving.embedded_server import start;"
        f"start(Path(sys.argv[1]), port=None, detached={detached}); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(library)], timeout=60, check=False)
    if detached:
        assert said(wait_for(library))
    else:
        wait_until_unlocked(library)


def test_a_kill_while_a_model_is_replaced_leaves_the_old_one_serving(library: Path) -> None:
    server = start(library, port=None)
    before = said(server)
    client = ollama.Client(host=server.url)
    digest = client.list().models[0].digest
    steps = client.create(
        model="tiny", from_="tiny", system="New.", license=[f"Licence {n}." for n in range(2000)], stream=True
    )
    for _, step in zip(range(5), steps, strict=False):
        assert step.status != "success"
    os.kill(server.pid, signal.SIGKILL)
    wait_until_unlocked(library)
    server = start(library, port=None)
    assert [(entry.model, entry.digest) for entry in ollama.Client(host=server.url).list().models] == [
        ("tiny:latest", digest)
    ]
    assert said(server) == before


def test_a_kill_during_an_upload_leaves_nothing_behind(library: Path) -> None:
    server = start(library, port=None)

    def half() -> Iterator[bytes]:
        yield b"x" * (4 << 20)
        os.kill(server.pid, signal.SIGKILL)
        yield b"x" * (4 << 20)

    with pytest.raises(httpx.HTTPError):
        httpx.post(f"{server.url}/api/blobs/sha256:{'0' * 64}", content=half(), timeout=20)
    wait_until_unlocked(library)
    assert said(start(library, port=None))
    assert list((library / "blobs").glob(".upload-*")) == []


def test_a_name_that_is_pointed_elsewhere_finishes_what_runs(library: Path, tiny_gguf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    data = bytearray(tiny_gguf.read_bytes())
    # The last numbers of the file belong to a tensor: in another order they are other weights of the same model.
    data[-400:] = array("f", data[-400:])[::-1].tobytes()
    other.write_bytes(data)
    server = start(library, port=None)
    client, begun = ollama.Client(host=server.url), threading.Event()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(long_answer, server, begun)
        assert begun.wait(30)
        digest = create_tiny(client, other, parameters={"num_ctx": 256})
        assert client.chat(model="tiny", messages=HELLO).message.content
        assert len(answer.result(30)) > 400
    assert digest.removeprefix("sha256:") in (client.show("tiny").modelfile or "")


def test_requests_beyond_the_queue_are_refused(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_MAX_QUEUE", "1")
    server = start(library, port=None, slots=1)
    body = {"model": "tiny", "messages": HELLO, "stream": False, "options": LONG}
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: httpx.post(f"{server.url}/api/chat", json=body, timeout=60), range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 200, 503, 503]
    texts = {reply.json()["error"] for reply in replies if reply.status_code == 503}
    assert texts == {"server busy, please try again.  maximum pending requests exceeded"}
    assert said(server)


def test_a_damaged_file_is_not_served(library: Path) -> None:
    blob = max((library / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(blob.read_bytes())
    data[-100] ^= 0xFF
    blob.write_bytes(data)
    server = start(library, port=None)
    with pytest.raises(ollama.ResponseError, match="upload the file again") as raised:
        said(server)
    assert raised.value.status_code == 500
    assert find_running(library) == server
