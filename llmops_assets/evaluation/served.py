"""A server of its own for an evaluation: the GGUF behind Ollama's API on a free loopback port, gone when the block ends."""

import contextlib
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.embedded_server import start

SETUP: dict[str, Any] = {
    "template": GO_TEMPLATE,
    "parameters": {"temperature": 0, "stop": list(STOPS), "num_ctx": 1024},
}
"""How a file is served while it is judged."""


@cache
def computed_by() -> str:
    """What computes the answers, and how: another version, or prompts in one batch, may round otherwise."""
    return f"xllamacpp {version('xllamacpp')}, each prompt by itself"


@contextlib.contextmanager
def serving(name: str, gguf: Path, folder: Path, *, slots: int) -> Iterator[str]:
    """Serves a GGUF file as `name` and yields the server's URL.

    Args:
        name: the model's name.
        gguf: its file.
        folder: gets a library of its own, so that a killed evaluation's server is in nobody's way.
        slots: requests worked on at once.

    Raises:
        ServingError: the server did not start, or refused the file.
    """
    import ollama

    folder.mkdir(parents=True, exist_ok=True)
    server = start(Path(tempfile.mkdtemp(prefix=f"{name}.", dir=folder)), port=None, slots=slots)
    try:
        client = ollama.Client(host=server.url, timeout=300, trust_env=False)
        client.create(model=name, files={gguf.name: client.create_blob(gguf)}, **SETUP)
        yield server.url
    finally:
        server.stop()
