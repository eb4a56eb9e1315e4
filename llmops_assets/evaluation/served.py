"""A server of its own for an evaluation: the GGUF behind Ollama's API on a free loopback port, gone when the block ends."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llmops_assets.serving.chat_template import GO_TEMPLATE
from llmops_assets.serving.embedded_server import start
from llmops_assets.serving.engine_group import how_batched


def set_up(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a file is served with while it is judged: the prompt's form, and the parameters that its Modelfile will name."""
    return {"template": GO_TEMPLATE, "parameters": dict(parameters)}


@cache
def computed_by() -> str:
    """What computes the answers, and how: another version, or another rule for a batch, may round otherwise."""
    return f"llama-cpp-python {version('llama-cpp-python')}, {how_batched()}"


@contextlib.contextmanager
def serving(name: str, gguf: Path, parameters: Mapping[str, Any], folder: Path, *, slots: int) -> Iterator[str]:
    """Serves a GGUF file as `name` and yields the server's URL.

    Args:
        name: the model's name.
        gguf: its file.
        parameters: as its Modelfile will name them.
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
        client.create(model=name, files={gguf.name: client.create_blob(gguf)}, **set_up(parameters))
        yield server.url
    finally:
        server.stop()
