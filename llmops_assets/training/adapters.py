"""Loads a model for training, and puts a LoRA adapter on it."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from llmops_assets.recipes.training import LoraSettings
from llmops_assets.training.backends import Backend


def load_model(folder: Path, backend: Backend) -> Any:
    """A model folder in the precision of the backend, on its device, with the attention that is fastest there."""
    import torch
    from transformers import AutoModelForCausalLM

    dtype = getattr(torch, backend.dtype)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=backend.attention)
    return model.to(backend.device)


def lora_config(lora: LoraSettings, rank: int, dropout: float) -> Any:
    """PEFT's configuration; a smaller rank keeps the scale of the adapter's output."""
    from peft import LoraConfig

    made: Any = LoraConfig
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return made(
        r=rank,
        lora_alpha=lora.alpha * rank / lora.rank,
        lora_dropout=dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def with_adapter(folder: Path, backend: Backend, lora: LoraSettings, rank: int, seed: int, max_length: int) -> Any:
    """A model with a fresh adapter; 4-bit where unsloth trains it."""
    from transformers import set_seed

    set_seed(seed)
    if backend.library == "unsloth":
        return _with_unsloth(folder, lora, rank, seed, max_length)
    from peft import get_peft_model

    return get_peft_model(load_model(folder, backend), lora_config(lora, rank, lora.dropout))


def _with_unsloth(folder: Path, lora: LoraSettings, rank: int, seed: int, max_length: int) -> Any:
    from unsloth import FastLanguageModel

    model, _ = FastLanguageModel.from_pretrained(str(folder), max_seq_length=max_length, load_in_4bit=True)
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    targets = names if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return FastLanguageModel.get_peft_model(
        model,
        r=rank,
        lora_alpha=lora.alpha * rank / lora.rank,
        lora_dropout=lora.dropout,
        target_modules=targets,
        random_state=seed,
        use_gradient_checkpointing="unsloth",
    )


def adapter_off(model: Any) -> AbstractContextManager[None]:
    """Within it, a model answers as if it had no adapter."""
    from peft import PeftModel

    off: AbstractContextManager[None] = model.disable_adapter() if isinstance(model, PeftModel) else nullcontext()
    return off
