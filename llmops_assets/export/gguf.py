"""GGUF files: written from a model folder, read back and compared byte by byte."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import ExportError
from llmops_assets.export.conversion import metadata_of, missing_tensors, open_source, tensors_of
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class ReadBack:
    """What was found in a file that was written, and equal to what was meant."""

    tensors: tuple[str, ...]
    keys: int


def write_gguf(folder: Path, path: Path, name: str) -> ReadBack:
    """Writes a model folder as F16 GGUF and reads it back.

    Raises:
        ExportError: the model cannot be written, or what is read back differs.
    """
    source = open_source(folder)
    metadata = metadata_of(source, name)
    aside = path.with_suffix(".part")
    try:
        _write(aside, source.architecture, metadata, tensors_of(source))
        found = verify_gguf(aside, {"general.architecture": source.architecture, **metadata}, tensors_of(source))
        missing = missing_tensors(source, found.tensors)
        if missing:
            raise ExportError(f"expected the tensor {missing[0]} in {folder}, found none; run dpo_model again")
        aside.replace(path)
        atomic.sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)
    return found


def _write(path: Path, architecture: str, metadata: dict[str, Any], tensors: Iterable[tuple[str, Any]]) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    for key, value in metadata.items():
        kind, element = _types(value)
        writer.add_key_value(key, value, kind, sub_type=element)
    for name, array in tensors:
        writer.add_tensor(name, array)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        _close(writer)
    except OSError as error:
        raise ExportError(f"expected to write {path}, got: {error.strerror or error}; free the disk") from error


def _close(writer: Any) -> None:
    for file in writer.fout or ():
        file.flush()
        os.fsync(file.fileno())
    writer.close()


def _types(value: Any) -> tuple[Any, Any]:
    """GGUF types of a value, and of its elements where it is a list."""
    from gguf import GGUFValueType

    if isinstance(value, list):
        element = GGUFValueType.STRING if isinstance(value[0], str) else GGUFValueType.INT32
        return GGUFValueType.ARRAY, element
    kinds = {
        bool: GGUFValueType.BOOL,
        int: GGUFValueType.UINT32,
        float: GGUFValueType.FLOAT32,
        str: GGUFValueType.STRING,
    }
    return kinds[type(value)], None


def open_gguf(path: Path) -> Any:
    """A reader of a file that is whole.

    Raises:
        ExportError: it is missing, cut off, or no GGUF file.
    """
    from gguf import GGUFReader
    from numpy import asarray

    class Reader(GGUFReader):
        def _get(self, *given: Any, **named: Any) -> Any:
            # A slice of a memmap costs three times that of a plain view, and a vocabulary takes 400,000 of them.
            self.data = asarray(self.data)  # type: ignore[assignment]
            return super()._get(*given, **named)

    try:
        reader = Reader(path)
        for tensor in reader.tensors:
            if tensor.data.nbytes != tensor.n_bytes:
                raise ValueError(f"tensor {tensor.name} is cut off")
    except (OSError, ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        size = path.stat().st_size if path.exists() else 0
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise ExportError(
            f"expected a whole GGUF file at {path}, got {size} bytes: {first}; run gguf_model again"
        ) from error
    return reader


def verify_gguf(path: Path, metadata: dict[str, Any], tensors: Iterable[tuple[str, Any]]) -> ReadBack:
    """Compares a file with what it should hold: every key, every tensor's name, shape, type and values.

    Raises:
        ExportError: names the first difference.
    """
    reader = open_gguf(path)
    _verify_metadata(reader, metadata, path)
    held = {tensor.name: tensor for tensor in reader.tensors}
    found = []
    for name, wanted in tensors:
        tensor = held.pop(name, None)
        if tensor is None:
            raise ExportError(f"expected the tensor {name} in {path}, found none; run gguf_model again")
        _require_equal(tensor, wanted, path)
        found.append(name)
    if held:
        raise ExportError(
            f"expected {len(found)} tensors in {path}, found also {', '.join(held)}; run gguf_model again"
        )
    return ReadBack(tuple(found), len(metadata))


def value_of(reader: Any, key: str) -> Any:
    """The value of a key; None where there is none, or none that can be read."""
    field = reader.get_field(key)
    try:
        return field.contents() if field is not None else None
    except (ValueError, IndexError, KeyError):
        return None


def _verify_metadata(reader: Any, metadata: dict[str, Any], path: Path) -> None:
    import numpy as np

    for key, wanted in metadata.items():
        found = value_of(reader, key)
        same = found == (float(np.float32(wanted)) if isinstance(wanted, float) else wanted)
        if not same:
            raise ExportError(f"expected {key} to read {str(wanted)[:60]} in {path}, got {str(found)[:60]}; run again")


def _require_equal(tensor: Any, wanted: Any, path: Path) -> None:
    import numpy as np

    shape = tuple(int(size) for size in reversed(tensor.shape))
    if shape != wanted.shape or tensor.data.dtype != wanted.dtype:
        found = f"{shape} {tensor.data.dtype}"
        raise ExportError(f"expected {tensor.name} as {wanted.shape} {wanted.dtype} in {path}, got {found}; run again")
    as_bytes = np.dtype(f"u{wanted.dtype.itemsize}")
    differ = int((tensor.data.view(as_bytes) != np.ascontiguousarray(wanted).view(as_bytes)).sum())
    if differ:
        raise ExportError(f"expected the values of {tensor.name} in {path}, got {differ} others; run gguf_model again")
