from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmops_assets.errors import ExportError
from llmops_assets.export.gguf import open_gguf, verify_gguf
from llmops_assets_tests.export.bare_gguf import METADATA, matrix, write_bare

NORM, UP = "blk.0.attn_norm.weight", "blk.0.ffn_up.weight"


def tensors() -> dict[str, Any]:
    return {NORM: np.ones(256, np.float32), UP: matrix(256, 256)}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = write_bare(tmp_path / "m.gguf", tensors())
    found = verify_gguf(path, METADATA, tensors().items())
    assert (found.tensors, found.keys) == ((NORM, UP), len(METADATA))


@pytest.mark.parametrize("place", [-1, -100_000])
def test_one_flipped_bit_in_the_weights_is_found(tmp_path: Path, place: int) -> None:
    path = write_bare(tmp_path / "m.gguf", tensors())
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ExportError, match=rf"values of {UP} .*got 1 others"):
        verify_gguf(path, METADATA, tensors().items())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_cut_file_gives_one_line_that_names_it(tmp_path: Path, share: float) -> None:
    path = write_bare(tmp_path / "m.gguf", tensors())
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(ExportError, match=r"whole GGUF file at .*m\.gguf, got \d+ bytes") as raised:
        open_gguf(path)
    assert "\n" not in str(raised.value)


def test_no_flipped_header_byte_gets_past_as_anything_but_an_export_error(tmp_path: Path) -> None:
    raw = write_bare(tmp_path / "m.gguf", tensors()).read_bytes()
    # After its name the last tensor's entry holds a count, two sizes, a type and an offset; padding follows.
    for place in range(0, raw.index(UP.encode()) + len(UP) + 4 + 2 * 8 + 4 + 8, 3):
        broken = bytearray(raw)
        broken[place] ^= 0xFF
        (tmp_path / "b.gguf").write_bytes(broken)
        try:
            verify_gguf(tmp_path / "b.gguf", METADATA, tensors().items())
        except ExportError:
            continue
        pytest.fail(f"byte {place} was changed and nothing said so")


def test_a_missing_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"none\.gguf, got 0 bytes"):
        open_gguf(tmp_path / "none.gguf")


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    path = write_bare(tmp_path / "m.gguf", {NORM: tensors()[NORM]})
    with pytest.raises(ExportError, match=f"expected the tensor {UP}"):
        verify_gguf(path, METADATA, tensors().items())


def test_a_tensor_too_many_is_named(tmp_path: Path) -> None:
    path = write_bare(tmp_path / "m.gguf", tensors())
    with pytest.raises(ExportError, match=f"found also {UP}"):
        verify_gguf(path, METADATA, {NORM: tensors()[NORM]}.items())


@pytest.mark.parametrize(
    ("wanted", "said"), [(matrix(128, 512), r"\(128, 512\)"), (matrix(256, 256).astype(np.float32), "float32")]
)
def test_another_shape_or_type_is_found(tmp_path: Path, wanted: Any, said: str) -> None:
    path = write_bare(tmp_path / "m.gguf", {UP: matrix(256, 256)})
    with pytest.raises(ExportError, match=said):
        verify_gguf(path, METADATA, {UP: wanted}.items())


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"tokenizer__chat_template": "other"}, "tokenizer.chat_template"),
        ({"tokenizer__ggml__eos_token_id": 3}, "tokenizer.ggml.eos_token_id"),
    ],
)
def test_another_chat_template_or_end_of_turn_is_found(tmp_path: Path, changed: dict[str, Any], key: str) -> None:
    path = write_bare(tmp_path / "m.gguf", tensors(), **changed)
    with pytest.raises(ExportError, match=f"expected {key} to read"):
        verify_gguf(path, METADATA, tensors().items())
