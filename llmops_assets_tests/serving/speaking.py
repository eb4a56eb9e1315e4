"""What the tests say to a server."""

import socket
from pathlib import Path
from typing import Any

import ollama

HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {
    "type": "object",
    "properties": {"action": {"enum": ["create", "none"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["action", "count"],
    "additionalProperties": False,
}


def create_tiny(client: ollama.Client, gguf: Path, name: str = "tiny", **fields: Any) -> str:
    """Uploads the file, creates a model of it with 16 greedy tokens an answer, and returns the file's digest."""
    digest: str = client.create_blob(gguf)
    parameters = {"temperature": 0, "num_predict": 16, "num_ctx": 512, **fields.pop("parameters", {})}
    client.create(model=name, files={gguf.name: digest}, parameters=parameters, **fields)
    return digest


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
