"""A server of its own for an evaluation: the GGUF behind Ollama's API on a free loopback port, gone when the block ends."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.embedded_server import start


@contextlib.contextmanager
def serving(models: Mapping[str, Path], folder: Path, *, slots: int) -> Iterator[str]:
    """Serves GGUF files by name and yields the server's URL.

    Raises:
        ServingError: the server did not start, or refused a file.
    """
    import ollama

    server = start(folder, port=None, slots=slots)
    try:
        client = ollama.Client(host=server.url, timeout=300)
        for name, gguf in models.items():
            digest = client.create_blob(gguf)
            client.create(
                model=name,
                files={gguf.name: digest},
                template=GO_TEMPLATE,
                parameters={"temperature": 0, "stop": list(STOPS), "num_ctx": 1024},
            )
        yield server.url
    finally:
        server.stop()
