import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llmops_assets.errors import ExportError, StageProcessError
from llmops_assets.export.gguf import open_gguf
from llmops_assets.export.quantization import Origin, quantise
from llmops_assets.storage.atomic import read_json
from llmops_assets_tests.export.bare_gguf import METADATA, matrix, write_bare

UP, DOWN = "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"


def origin(folder: Path, *, rows: int = 256, width: int = 256) -> Origin:
    tensors = {UP: matrix(rows, width), "blk.0.ffn_gate.weight": matrix(rows, 64)}
    return Origin.open(write_bare(folder / "f16.gguf", tensors))


def quiet(line: str) -> None:
    del line


@pytest.mark.parametrize(
    ("quantization", "types", "fallbacks"),
    [
        ("Q8_0", {"Q8_0"}, 0),
        ("Q6_K", {"Q6_K", "Q8_0"}, 1),
        ("Q5_K_M", {"Q5_K", "Q5_1"}, 1),
        ("Q4_K_M", {"Q4_K", "Q5_0"}, 1),
    ],
)
def test_rows_that_do_not_fit_the_blocks_are_counted_as_fallbacks(
    tmp_path: Path, quantization: str, types: set[str], fallbacks: int
) -> None:
    made = quantise(origin(tmp_path), tmp_path / "q.gguf", quantization, quiet)
    assert {tensor.tensor_type.name for tensor in open_gguf(made.path).tensors} == types
    assert (made.matrices, made.fallbacks) == (2, fallbacks)
    assert made.size_bytes == made.path.stat().st_size < (tmp_path / "f16.gguf").stat().st_size


def test_values_survive_and_metadata_is_kept(tmp_path: Path) -> None:
    from gguf.quants import dequantize

    made = quantise(origin(tmp_path), tmp_path / "q.gguf", "Q8_0", quiet)
    reader = open_gguf(made.path)
    (up,) = [tensor for tensor in reader.tensors if tensor.name == UP]
    assert abs(dequantize(up.data, up.tensor_type) - matrix(256, 256)).max() < 0.02
    assert {key: pytest.approx(reader.get_field(key).contents()) for key in METADATA} == METADATA


def test_one_origin_and_one_layout_are_the_same_weights(tmp_path: Path) -> None:
    narrow = Origin.open(write_bare(tmp_path / "f16.gguf", {UP: matrix(64, 64), DOWN: matrix(64, 64)}))
    six, eight = (quantise(narrow, tmp_path / f"{name}.gguf", name, quiet) for name in ("Q6_K", "Q8_0"))
    tensors = [[bytes(tensor.data) for tensor in open_gguf(made.path).tensors] for made in (six, eight)]
    assert six.layout == eight.layout
    assert tensors[0] == tensors[1]
    assert (six.fallbacks, eight.fallbacks) == (2, 0)


def kill_once_it_writes(folder: Path) -> None:
    while not (folder / "q.part").exists():
        time.sleep(0.001)
    os.kill(read_json(folder / ".stage" / "heartbeat.json")["pid"], signal.SIGKILL)


def test_a_kill_leaves_no_half_file_and_the_next_call_works(tmp_path: Path) -> None:
    big = origin(tmp_path, rows=4096, width=8192)
    killer = threading.Thread(target=kill_once_it_writes, args=(tmp_path,))
    killer.start()
    with pytest.raises(StageProcessError, match="was killed by SIGKILL"):
        quantise(big, tmp_path / "q.gguf", "Q4_K_M", quiet)
    killer.join()
    assert list(tmp_path.glob("q.*")) == []
    assert quantise(big, tmp_path / "q.gguf", "Q8_0", quiet).path.exists()


def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    origin(tmp_path, rows=8192)
    program = (
        "import resource, sys; from pathlib import Path; from llmops_assets.export.quantization import Origin, quantise\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)); folder = Path(sys.argv[1])\n"
        "quantise(Origin.open(folder / 'f16.gguf'), folder / 'out' / 'q.gguf', 'Q8_0', print)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ExportError: expected Q8_0 of" in done.stderr.splitlines()[-1]
    assert list((tmp_path / "out").glob("q.*")) == []


def test_a_file_that_llama_cpp_refuses_gives_its_words(tmp_path: Path) -> None:
    broken = Origin.open(write_bare(tmp_path / "f16.gguf", {UP: matrix(256, 256)}, llama__block_count=0.5))
    with pytest.raises(ExportError, match=r"expected Q8_0 of .*f16\.gguf, got: .*block_count"):
        quantise(broken, tmp_path / "q.gguf", "Q8_0", quiet)
