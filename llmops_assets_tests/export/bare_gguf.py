"""GGUF files of a few named tensors and no vocabulary: enough for llama.cpp to quantise, and read in milliseconds."""

from pathlib import Path
from typing import Any

METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 1,
    "llama.context_length": 64,
    "llama.embedding_length": 256,
    "llama.feed_forward_length": 256,
    "llama.attention.head_count": 4,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.chat_template": "{{ messages }}",
    "tokenizer.ggml.eos_token_id": 2,
}


def matrix(rows: int, width: int, *, seed: int = 3) -> Any:
    """Random F16 weights, the same 256 rows over and over."""
    import numpy as np

    weights = np.random.default_rng(seed).standard_normal((min(rows, 256), width), dtype=np.float32)
    return np.tile(weights.astype(np.float16), (-(-rows // 256), 1))[:rows]


def write_bare(path: Path, tensors: dict[str, Any], **metadata: Any) -> Path:
    """Writes tensors with `METADATA`, overridden by `metadata` (dots spelled as two underscores)."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    overridden = {key.replace("__", "."): value for key, value in metadata.items()}
    for key, value in {**METADATA, **overridden}.items():
        if key != "general.architecture":
            add = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)]
            add(key, value)
    for name, array in tensors.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
