"""Reads a GGUF file's header: its metadata, what `show` tells of it, and whether the file is whole.

Written out here, because a buyer's runtime shall not need the `gguf` package and numpy to serve one file.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from llmops_assets.errors import ServingError

MAGIC = b"GGUF"
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
LONG_ARRAY = 64
# Tensor type: (elements a block, bytes a block).
BLOCKS = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 36),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
}
FILE_TYPES = dict(
    enumerate(
        [
            "F32",
            "F16",
            "Q4_0",
            "Q4_1",
            "Q4_1_F16",
            "Q4_2",
            "Q4_3",
            "Q8_0",
            "Q5_0",
            "Q5_1",
            "Q2_K",
            "Q3_K_S",
            "Q3_K_M",
            "Q3_K_L",
            "Q4_K_S",
            "Q4_K_M",
            "Q5_K_S",
            "Q5_K_M",
            "Q6_K",
            "IQ2_XXS",
            "IQ2_XS",
            "Q2_K_S",
            "IQ3_XS",
            "IQ3_XXS",
            "IQ1_S",
            "IQ4_NL",
            "IQ3_S",
            "IQ3_M",
            "IQ2_S",
            "IQ2_M",
            "IQ4_XS",
            "IQ1_M",
            "BF16",
        ]
    )
)


class GgufError(ServingError):
    """A file that is no GGUF, or not all of one."""


@dataclass(frozen=True)
class GgufHeader:
    """What stands before the tensors. Arrays longer than 64 are kept as None: they are the tokenizer's tables."""

    metadata: dict[str, Any]
    parameters: int

    @property
    def architecture(self) -> str:
        """The model family, such as `llama`."""
        return str(self.metadata.get("general.architecture", "unknown"))

    @property
    def context_length(self) -> int:
        """The longest context that the model was made for."""
        return int(self.metadata.get(f"{self.architecture}.context_length", 0))

    @property
    def quantization(self) -> str:
        """The name of its file type."""
        return FILE_TYPES.get(self.metadata.get("general.file_type", -1), "unknown")

    @property
    def parameter_size(self) -> str:
        """`134.52M` or `1.71B`."""
        for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
            if self.parameters >= size:
                return f"{self.parameters / size:.2f}{unit}"
        return str(self.parameters)


def read_header(path: Path) -> GgufHeader:
    """Reads a header, once a file.

    Raises:
        GgufError: the file is no GGUF, or ends before its tensors do.
    """
    status = path.stat()
    return _read_header(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _read_header(path: Path, size: int, changed_ns: int) -> GgufHeader:
    del changed_ns
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise GgufError("supplied file was not in GGUF format")
        try:
            return _read(file, size)
        except (struct.error, UnicodeDecodeError, KeyError, MemoryError, OverflowError, RecursionError) as error:
            raise GgufError(f"supplied GGUF file is cut or damaged: its header cannot be read ({error})") from error


def _read(file: BinaryIO, size: int) -> GgufHeader:
    version, tensors, pairs = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise GgufError(f"unsupported GGUF version {version}")
    if max(tensors, pairs) > size:
        raise GgufError("supplied GGUF file is cut or damaged: its counts exceed its size")
    metadata = {_string(file, size): _value(file, size) for _ in range(pairs)}
    parameters = end = 0
    for _ in range(tensors):
        _string(file, size)
        shape = struct.unpack(f"<{(count := _number(file, '<I'))}Q", file.read(8 * min(count, 8)))
        kind, offset = _number(file, "<I"), _number(file, "<Q")
        parameters += prod(shape)
        elements, bytes_ = BLOCKS.get(kind, (1, 0))
        end = max(end, offset + prod(shape) // elements * bytes_)
    alignment = int(metadata.get("general.alignment", 32)) or 32
    start = -(-file.tell() // alignment) * alignment
    if start + end > size:
        raise GgufError(f"supplied GGUF file is cut: expected {start + end} bytes, got {size}")
    return GgufHeader(metadata, parameters)


def _number(file: BinaryIO, form: str) -> int:
    found: int = struct.unpack(form, file.read(struct.calcsize(form)))[0]
    return found


def _string(file: BinaryIO, size: int) -> str:
    length = _number(file, "<Q")
    if length > size:
        raise GgufError("supplied GGUF file is cut or damaged: a text exceeds its size")
    return file.read(length).decode("utf-8")


def _value(file: BinaryIO, size: int, kind: int | None = None) -> Any:
    kind = _number(file, "<I") if kind is None else kind
    if kind == STRING:
        return _string(file, size)
    if kind == ARRAY:
        inner, count = _number(file, "<I"), _number(file, "<Q")
        if count > size:
            raise GgufError("supplied GGUF file is cut or damaged: a list exceeds its size")
        return _array(file, size, inner, count)
    return struct.unpack(SCALARS[kind], file.read(struct.calcsize(SCALARS[kind])))[0]


def _array(file: BinaryIO, size: int, inner: int, count: int) -> list[Any] | None:
    if inner in SCALARS and count > LONG_ARRAY:
        file.seek(count * struct.calcsize(SCALARS[inner]), 1)
        return None
    read: Callable[[], Any] = lambda: _value(file, size, inner)  # noqa: E731
    if count <= LONG_ARRAY:
        return [read() for _ in range(count)]
    for _ in range(count):
        if inner == STRING:
            file.seek(_number(file, "<Q"), 1)
        else:
            read()
    return None
