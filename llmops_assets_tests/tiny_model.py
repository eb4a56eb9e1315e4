"""A real Llama of two layers with the real SmolLM2 tokenizer: everything runs on it in seconds."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from llmops_assets.export.gguf import write_gguf
from llmops_assets.storage.atomic import sha256_bytes, write_jsonl
from llmops_assets.training import base_model


def write_tiny_model(folder: Path, *, seed: int = 7) -> Path:
    """A model folder with random weights: hidden 64, 2 layers, 4 heads, 2 key-value heads, tied embeddings.

    Reading the tokenizer takes seconds, so the folder is made once a machine and copied from then on.
    """
    shutil.copytree(_made_once(seed), folder)
    return folder


def write_talkative_model(folder: Path) -> Path:
    """The same with larger weights: it says something new with each token, not the last one again."""
    from safetensors.numpy import load_file, save_file

    (path,) = write_tiny_model(folder).glob("*.safetensors")
    weights = {
        name: weight * 8 if ".layers." in name and weight.ndim > 1 else weight
        for name, weight in load_file(path).items()
    }
    save_file(weights, path, {"format": "pt"})
    return folder


def write_decided_gguf(folder: Path) -> Path:
    """The talkative one with large logits: it is sure of what it says, as a trained one is."""
    from safetensors.numpy import load_file, save_file

    (path,) = write_talkative_model(folder / "model").glob("*.safetensors")
    weights = load_file(path)
    save_file({**weights, "model.norm.weight": weights["model.norm.weight"] * 1_000}, path, {"format": "pt"})
    write_gguf(folder / "model", folder / "model.gguf", "decided")
    return folder / "model.gguf"


def _made_once(seed: int) -> Path:
    """The folder to copy, by the hash of the code that makes it: written aside and renamed, whole or not there."""
    code = sha256_bytes(Path(__file__).read_bytes() + Path(base_model.__file__).read_bytes())
    kept = Path(tempfile.gettempdir()) / f"llmops-tiny-{os.getuid()}-{seed}-{code[:16]}"
    if not kept.exists():
        aside = Path(tempfile.mkdtemp(prefix=f"{kept.name}.", dir=kept.parent))
        _make(aside, seed)
        with contextlib.suppress(OSError):
            aside.rename(kept)
        shutil.rmtree(aside, ignore_errors=True)
    return kept


def _make(folder: Path, seed: int) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rope_parameters={"rope_theta": 100000.0, "rope_type": "default"},
        tie_word_embeddings=True,
    )
    made = base_model.tokenizer_of_gguf(base_model.embedded_gguf())
    base_model.save_model(LlamaForCausalLM(config), made, folder)


def conversation(number: int) -> dict[str, Any]:
    """A training row: a request of varying length, and its answer as JSON."""
    title = " ".join(["water the plants", "call Ana", "pay the rent", "buy milk"][: 1 + number % 4])
    answer = json.dumps({"action": "create", "title": title}, separators=(",", ":"))
    messages = [{"role": "user", "content": f"remind me to {title}"}, {"role": "assistant", "content": answer}]
    return {"id": f"row-{number}", "messages": messages}


def preference(number: int) -> dict[str, Any]:
    """A preference pair: the right title against nothing."""
    prompt, answer = conversation(number)["messages"]
    return {
        "id": f"pair-{number}",
        "prompt": [prompt],
        "chosen": answer["content"],
        "rejected": '{"action":"none"}',
        "category": "contract",
    }


def write_conversations(path: Path, count: int, *, first: int = 0) -> Path:
    """A dataset of `count` rows."""
    return write_jsonl(path, [conversation(number) for number in range(first, first + count)])


def write_preferences(path: Path, count: int, *, first: int = 0) -> Path:
    """A dataset of `count` pairs."""
    return write_jsonl(path, [preference(number) for number in range(first, first + count)])
