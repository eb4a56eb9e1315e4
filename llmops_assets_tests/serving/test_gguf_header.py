"""GGUF headers: read right, and refused in one line where a file is cut or lies."""

import struct
from pathlib import Path

import pytest

from llmops_assets.serving.gguf_header import GgufError, read_header
from llmops_assets_tests.serving.made_gguf import ARCHITECTURE, ARRAY, STRING, UINT32, gguf, pair, text, written

HUGE = 2**62


def test_a_header_tells_family_size_and_type(tmp_path: Path) -> None:
    pairs = [
        ARCHITECTURE,
        pair("llama.context_length", UINT32, struct.pack("<I", 512)),
        pair("general.file_type", UINT32, struct.pack("<I", 7)),
        pair("names", ARRAY, struct.pack("<IQ", STRING, 2) + text("a") + text("b")),
        pair("table", ARRAY, struct.pack("<IQ", STRING, 65) + text("x") * 65),
        pair("numbers", ARRAY, struct.pack("<IQ", UINT32, 65) + bytes(260)),
    ]
    header = read_header(written(tmp_path / "m.gguf", gguf(pairs)))
    assert (header.architecture, header.context_length, header.quantization) == ("llama", 512, "Q8_0")
    assert (header.parameters, header.parameter_size) == (8, "8")
    assert (header.metadata["names"], header.metadata["table"], header.metadata["numbers"]) == (["a", "b"], None, None)


def test_a_real_file_is_read(tiny_gguf: Path) -> None:
    header = read_header(tiny_gguf)
    assert (header.architecture, header.parameter_size, header.quantization) == ("llama", "3.22M", "F16")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "was not in GGUF format"),
        (b"flour and eggs", "was not in GGUF format"),
        (gguf(magic=b"GGML"), "was not in GGUF format"),
        (gguf(version=1), "unsupported GGUF version 1"),
        (gguf()[:-1], "is cut: expected"),
        (gguf()[:40], "cut or damaged"),
        (gguf()[:10], "cut or damaged"),
        (gguf(counts=(HUGE, 1)), "its counts exceed its size"),
        (gguf(counts=(1, HUGE)), "its counts exceed its size"),
        (gguf([struct.pack("<Q", HUGE)]), "a text exceeds its size"),
        (gguf([pair("a", STRING, struct.pack("<Q", HUGE))]), "a text exceeds its size"),
        (gguf([pair("a", ARRAY, struct.pack("<IQ", UINT32, HUGE))]), "a list exceeds its size"),
        (gguf([pair("a", 99, b"")]), "cut or damaged"),
        (gguf([pair("a", STRING, struct.pack("<Q", 2) + b"\xff\xfe")]), "cut or damaged"),
        (gguf(shape=(HUGE, 4)), "is cut: expected"),
        (gguf([pair("a", ARRAY, struct.pack("<IQ", ARRAY, 1) * 3000)]), "cut or damaged"),
    ],
)
def test_a_file_that_is_cut_or_lies_is_refused_in_one_line(tmp_path: Path, data: bytes, error: str) -> None:
    with pytest.raises(GgufError, match=error) as raised:
        read_header(written(tmp_path / "m.gguf", data))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("keep", range(4, 96, 4))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, keep: int) -> None:
    with pytest.raises(GgufError):
        read_header(written(tmp_path / "m.gguf", gguf()[:keep]))
