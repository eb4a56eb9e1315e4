"""GGUF files written byte by byte, so that a test can make any of their numbers wrong."""

import struct
from collections.abc import Sequence
from pathlib import Path

F32, STRING, UINT32, ARRAY = 6, 8, 4, 9


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


ARCHITECTURE = pair("general.architecture", STRING, text("llama"))


def gguf(
    pairs: Sequence[bytes] = (ARCHITECTURE,),
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    counts: tuple[int, int] | None = None,
    shape: tuple[int, ...] = (4, 2),
    data: int = 32,
) -> bytes:
    """A file with one F32 tensor; `counts` are those of tensors and pairs that the file claims."""
    tensor = text("t") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, 0)
    head = magic + struct.pack("<IQQ", version, *(counts or (1, len(pairs)))) + b"".join(pairs) + tensor
    return head + bytes(-len(head) % 32) + bytes(data)


def written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
