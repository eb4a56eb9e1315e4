"""A model folder as the contents of a GGUF file: metadata, tokenizer and tensors by the names and layouts of llama.cpp."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import ExportError
from llmops_assets.tasks.chat_template import JINJA, PAD, TURN_END, TURN_START

MOSTLY_F16 = 1
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
# Families whose query and key rows llama.cpp wants in the order of its own rotary embedding.
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
PERMUTED = ("llama",)


@dataclass(frozen=True)
class Source:
    """A model folder, opened."""

    folder: Path
    config: dict[str, Any]
    architecture: str

    @property
    def heads(self) -> int:
        """Query heads."""
        return int(self.config["num_attention_heads"])

    @property
    def kv_heads(self) -> int:
        """Key and value heads."""
        return int(self.config.get("num_key_value_heads", self.heads))

    @property
    def head_size(self) -> int:
        """Width of a head."""
        return int(self.config.get("head_dim") or self.config["hidden_size"] // self.heads)


def open_source(folder: Path) -> Source:
    """Reads the configuration.

    Raises:
        ExportError: no model lies there, or none of a family that can be written.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"expected a model folder at {folder}, got: {error}; run dpo_model again") from error
    family = config.get("model_type")
    rope = config.get("rope_parameters") or {}
    if family not in ARCHITECTURES:
        raise ExportError(f"expected a model of {', '.join(ARCHITECTURES)}, got {family}; choose another base_model")
    if rope.get("rope_type", "default") != "default":
        raise ExportError(f"expected plain rotary embeddings, got {rope['rope_type']}; choose another base_model")
    return Source(folder, config, ARCHITECTURES[family])


def metadata_of(source: Source, name: str) -> dict[str, Any]:
    """All key-value pairs of the file, the tokenizer's included."""
    config, prefix = source.config, source.architecture
    rope = config.get("rope_parameters") or {}
    shape = {
        "block_count": config["num_hidden_layers"],
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": source.heads,
        "attention.head_count_kv": source.kv_heads,
        "attention.key_length": source.head_size,
        "attention.value_length": source.head_size,
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.freq_base": float(rope.get("rope_theta", config.get("rope_theta", 10000.0))),
        "rope.dimension_count": source.head_size,
        "vocab_size": config["vocab_size"],
    }
    general = {"general.type": "model", "general.name": name, "general.file_type": MOSTLY_F16}
    version = {"general.quantization_version": 2}
    return {**general, **{f"{prefix}.{key}": value for key, value in shape.items()}, **version, **_tokenizer(source)}


def _tokenizer(source: Source) -> dict[str, Any]:
    try:
        read = json.loads((source.folder / "tokenizer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"expected tokenizer.json in {source.folder}, got: {error}; run dpo_model again") from error
    if read["model"]["type"] != "BPE":
        raise ExportError(
            f"expected a byte-level BPE tokenizer, got {read['model']['type']}; choose another base_model"
        )
    vocabulary: dict[str, int] = read["model"]["vocab"]
    added = {token["content"]: token for token in read["added_tokens"]}
    ids = {**vocabulary, **{content: token["id"] for content, token in added.items()}}
    tokens = [f"[PAD{number}]" for number in range(source.config["vocab_size"])]
    types = [UNUSED] * len(tokens)
    for token, number in ids.items():
        special = added.get(token)
        tokens[number] = token
        types[number] = NORMAL if special is None else CONTROL if special["special"] else USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in read["model"]["merges"]]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre_tokenizer_name(read["pre_tokenizer"]),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": ids[TURN_START],
        "tokenizer.ggml.eos_token_id": ids[TURN_END],
        "tokenizer.ggml.padding_token_id": ids[PAD],
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.chat_template": JINJA,
    }


def pre_tokenizer_name(pre_tokenizer: dict[str, Any]) -> str:
    """llama.cpp's name for the way a tokenizer cuts text before its merges.

    Raises:
        ExportError: it is none of those that can be written.
    """
    parts = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if any(part["type"] == "Digits" and part["individual_digits"] for part in parts):
        return "smollm"
    patterns = [part["pattern"].get("Regex", "") for part in parts if part["type"] == "Split"]
    if any(r"|\p{N}|" in pattern for pattern in patterns):
        return "qwen2"
    if any(r"\p{N}{1,3}" in pattern for pattern in patterns):
        return "llama-bpe"
    raise ExportError(f"expected a pre-tokenizer of SmolLM, Qwen2 or Llama 3, got {parts}; choose another base_model")


def tensors_of(source: Source) -> Iterator[tuple[str, Any]]:
    """(GGUF name, array) of every tensor, in the file's layout: norms and biases F32, all else F16.

    Raises:
        ExportError: a tensor is missing, not known to llama.cpp, or does not fit into F16.
    """
    import numpy as np
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, get_tensor_name_map

    arch = next(arch for arch in MODEL_ARCH if MODEL_ARCH_NAMES[arch] == source.architecture)
    names = get_tensor_name_map(arch, source.config["num_hidden_layers"])
    for hf_name, array in _weights(source.folder):
        if hf_name == "lm_head.weight" and source.config.get("tie_word_embeddings"):
            continue
        name = names.get_name(hf_name, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ExportError(f"expected a tensor of {source.architecture}, got {hf_name}; choose another base_model")
        laid = _permuted(hf_name, array, source)
        if laid.ndim == 1:
            yield name, laid.astype(np.float32)
            continue
        with np.errstate(over="ignore"):
            half = laid.astype(np.float16)
        if not np.isfinite(half).all():
            raise ExportError(
                f"expected {hf_name} to fit into F16, got values up to {abs(laid).max():.3g}; train again"
            )
        yield name, half


def missing_tensors(source: Source, names: Collection[str]) -> list[str]:
    """What a whole model of these tensors lacks: every block must hold what any block holds."""
    parts = {name.split(".", 2)[2] for name in names if name.startswith("blk.")}
    wanted = {f"blk.{block}.{part}" for block in range(source.config["num_hidden_layers"]) for part in parts}
    wanted |= {"token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight"}
    if source.config.get("tie_word_embeddings") is False:
        wanted.add("output.weight")
    return sorted(wanted - set(names))


def _weights(folder: Path) -> Iterator[tuple[str, Any]]:
    import torch
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                for name in sorted(file.keys()):
                    yield name, file.get_tensor(name).to(torch.float32).numpy()
        except SafetensorError as error:
            raise ExportError(f"expected whole weights in {path}, got: {error}; run dpo_model again") from error


def _permuted(name: str, array: Any, source: Source) -> Any:
    if source.architecture not in PERMUTED or not (".q_proj." in name or ".k_proj." in name):
        return array
    heads = source.heads if ".q_proj." in name else source.kv_heads
    rows = array.shape[0] // heads
    return array.reshape(heads, 2, rows // 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)
