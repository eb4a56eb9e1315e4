"""One F16 GGUF file quantised by llama.cpp, in a child process that may crash, and read back."""

import ctypes
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets import processes
from llmops_assets.errors import ExportError
from llmops_assets.export.gguf import open_gguf, value_of
from llmops_assets.export.native import ErrorLines
from llmops_assets.machine import usable_cores
from llmops_assets.storage import atomic

# What llama.cpp stores a matrix as when nothing stands in the way; the M mixtures give some matrices more bits on purpose.
MEANT = {
    "Q4_K_M": ("Q4_K", "Q5_K", "Q6_K"),
    "Q5_K_M": ("Q5_K", "Q6_K"),
    "Q6_K": ("Q6_K",),
    "Q8_0": ("Q8_0",),
}
CHANGED_KEYS = ("general.file_type", "general.quantization_version")
LAST_ERRORS = 2


@dataclass(frozen=True)
class Origin:
    """An F16 file, opened once for all that is made of it: reading a vocabulary takes seconds."""

    path: Path
    reader: Any

    @classmethod
    def open(cls, path: Path) -> "Origin":
        """Raises ExportError where it is no whole GGUF file."""
        return cls(path, open_gguf(path))


@dataclass(frozen=True)
class QuantisedFile:
    """A file that was made and read back.

    Attributes:
        path: where it lies.
        quantization: what was asked for.
        size_bytes: of the file.
        matrices: tensors that can be quantised at all (norms and biases stay F32).
        fallbacks: matrices stored in another type than was asked for, because their rows do not fit its blocks.
        layout: SHA-256 of all names with their types; files of one origin and one layout are the same weights.
        seconds: making it and reading it back.
    """

    path: Path
    quantization: str
    size_bytes: int
    matrices: int
    fallbacks: int
    layout: str
    seconds: float


def quantise(origin: Origin, path: Path, quantization: str, log: Callable[[str], None]) -> QuantisedFile:
    """Writes `path`, whole or not at all.

    Args:
        origin: the file to start from.
        path: what to write.
        quantization: a name of `MEANT`.
        log: called with what llama.cpp says.

    Raises:
        ExportError: the disk is full, llama.cpp refused, or what is read back is not the model.
        StageProcessError: llama.cpp crashed or was killed.
    """
    started = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.unlink(missing_ok=True)
    _require_room(origin.path, path)
    spec = {"f16": str(origin.path), "aside": str(aside), "quantization": quantization, "threads": usable_cores()}
    try:
        processes.run_stage("llmops_assets.export.quantization:quantise_aside", spec, path.parent, log)
        types = _read_back(aside, origin)
        aside.replace(path)
        atomic.sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)
    matrices = [kind for kind in types.values() if kind != "F32"]
    return QuantisedFile(
        path=path,
        quantization=quantization,
        size_bytes=path.stat().st_size,
        matrices=len(matrices),
        fallbacks=sum(kind not in MEANT[quantization] for kind in matrices),
        layout=atomic.sha256_json(types),
        seconds=round(time.monotonic() - started, 2),
    )


def quantise_aside(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """The child's side of `quantise`.

    Raises:
        ExportError: llama.cpp refused; holds what it said.
    """
    del work
    import llama_cpp

    said = ErrorLines().listen()
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{spec['quantization']}")
    params.nthread = spec["threads"]
    code = llama_cpp.llama_model_quantize(spec["f16"].encode(), spec["aside"].encode(), ctypes.byref(params))
    if code != 0:
        told = " | ".join(said[-LAST_ERRORS:]) or f"code {code}"
        raise ExportError(
            f"expected {spec['quantization']} of {spec['f16']}, got: {told}; free the disk or run gguf_model again"
        )
    handle = os.open(spec["aside"], os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    return {}


def _require_room(f16: Path, path: Path) -> None:
    needed, free = f16.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        raise ExportError(
            f"expected {needed / 1e6:.0f} MB of free disk for {path}, got {free / 1e6:.0f} MB; free the disk"
        )


def _read_back(path: Path, origin: Origin) -> dict[str, str]:
    """The stored type of every tensor, once all names, shapes and metadata were found to be those of the F16 file."""
    made, f16 = open_gguf(path), origin.path
    for key, field in origin.reader.fields.items():
        if key.startswith("GGUF.") or key in CHANGED_KEYS:
            continue
        if value_of(made, key) != field.contents():
            raise ExportError(f"expected {key} of {f16.name} in {path}, got another or none; run gguf_model again")
    wanted = {tensor.name: tuple(tensor.shape) for tensor in origin.reader.tensors}
    held = {tensor.name: tuple(tensor.shape) for tensor in made.tensors}
    if held != wanted:
        wrong = sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))
        raise ExportError(f"expected the tensors of {f16.name} in {path}, not so: {wrong[0]}; run gguf_model again")
    return {tensor.name: tensor.tensor_type.name for tensor in made.tensors}
