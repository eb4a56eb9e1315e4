"""The server's process: takes the folder and the port, answers until it is told to end, and finishes what it began."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.serving.blobs import BlobStore
from llmops_assets.serving.durations import FOREVER, keep_alive_seconds, rfc3339
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.folder_lock import STATE, locked
from llmops_assets.serving.loaded_models import Limits, LoadedModels
from llmops_assets.serving.model_library import ModelLibrary
from llmops_assets.storage import atomic

DRAIN_SECONDS = 10
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def serve(folder: Path, host: str, port: int, slots: int, *, until_stdin_closes: bool = False) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        ServingError: the folder or the port is taken.
    """
    import uvicorn

    from llmops_assets.serving.application import make_application
    from llmops_assets.serving.inference_api import Inference

    limits = limits_from(os.environ, slots)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # A model that makes room for another still finishes what it began.
    workers = slots * (limits.loaded + 1)
    with locked(folder), _listening(host, port) as listener, ThreadPoolExecutor(workers) as threads:
        library = ModelLibrary(folder)
        library.prune()
        models = LoadedModels(lambda gguf, context: load(library.blobs, gguf, context, slots), limits)
        loopback = listener.getsockname()[0] in ("127.0.0.1", "::1")
        app = make_application(Inference(library, models, threads), loopback=loopback)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=DRAIN_SECONDS, timeout_keep_alive=30)
        )
        if until_stdin_closes:
            threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
        # uvicorn raises the signals that ended it once more when it is done.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        with _announced(folder, listener, host):
            server.run(sockets=[listener])


def limits_from(environment: Any, slots: int) -> Limits:
    """The limits by the environment variables that Ollama reads.

    Raises:
        ServingError: one of them makes no sense.
    """
    plain = Limits()
    try:
        kept = environment.get("OLLAMA_KEEP_ALIVE", "")
        return Limits(
            slots=slots,
            loaded=int(environment.get("OLLAMA_MAX_LOADED_MODELS") or plain.loaded) or plain.loaded,
            waiting=int(environment.get("OLLAMA_MAX_QUEUE") or plain.waiting),
            keep_alive_s=_kept(kept) if kept else plain.keep_alive_s,
        )
    except ValueError as error:
        raise ServingError(
            f"expected numbers in OLLAMA_MAX_LOADED_MODELS and OLLAMA_MAX_QUEUE, got: {error}"
        ) from error


def _kept(text: str) -> float:
    """Unlike in requests, a plain number means seconds here."""
    try:
        seconds = float(text)
    except ValueError:
        return keep_alive_seconds(text)
    return FOREVER if seconds < 0 else seconds


def load(blobs: BlobStore, gguf: Path, context: int, slots: int) -> EngineGroup:
    """Loads weights whose bytes are those that their name says.

    Raises:
        ServingError: they are not, or llama.cpp cannot load them.
    """
    try:
        blobs.verify(gguf.name)
    except FileNotFoundError as error:
        raise ServingError(f"expected blob {gguf.name}, found none; create its model again") from error
    return EngineGroup(gguf, context=context, slots=slots)


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        raise ServingError(f"expected to listen on {host}:{port}, got: {error}; choose another port") from error
    with listener:
        yield listener


@contextlib.contextmanager
def _announced(folder: Path, listener: socket.socket, host: str) -> Iterator[None]:
    name = EVERYWHERE.get(host, host)
    url = f"http://{f'[{name}]' if ':' in name else name}:{listener.getsockname()[1]}"
    state = atomic.write_json(folder / STATE, {"url": url, "pid": os.getpid(), "started": rfc3339()})
    try:
        yield
    finally:
        state.unlink(missing_ok=True)


def _end_with_stdin(server: Any) -> None:
    while os.read(0, 1):
        pass
    server.should_exit = True
