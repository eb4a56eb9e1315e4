"""Adapter + base -> one full-precision model folder, with the proof that nothing was lost on the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmops_assets.console import say
from llmops_assets.errors import StoreError, TrainingError
from llmops_assets.recipes.training import TrainingConfig
from llmops_assets.storage.atomic import read_json
from llmops_assets.tasks.chat_template import JINJA, PAD, TURN_END, render
from llmops_assets.training.base_model import load_tokenizer, resolve_base, save_model
from llmops_assets.training.memory import check_disk, disk_bytes, first_line, peak_memory_gib, shape_of
from llmops_assets.training.sft_run import PROBES

PLAIN_PROBES = ("remind me to call Ana tomorrow", "what is due this week", "hello", "mark 12 as done")
SAME_MODEL = 1e-3


def merge_model(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """Merges in this process; see `stages.make_merged_model`.

    Raises:
        TrainingError: the adapter is missing, or does not fit the base.
    """
    recipe, adapter = TrainingConfig.model_validate(spec["config"]), Path(spec["adapter"])
    origin = resolve_base(spec["base"], Path(spec["cache"]))
    check_disk(work, disk_bytes(shape_of(origin.folder), 0))
    tokenizer = load_tokenizer(origin.folder)
    say(f"merging {adapter.name} into {origin.name}")
    model = load_adapted(origin.folder, adapter)
    found = merge_and_prove(model, tokenizer, probes_of(adapter, tokenizer), work / "model", recipe.max_length)
    return {**found, "base": origin.to_json(), **peak_memory_gib("cpu")}


def load_adapted(base: Path, adapter: Path) -> Any:
    """A model with its adapter on, in full precision.

    Raises:
        TrainingError: the adapter is missing, damaged, or does not fit the base.
    """
    import torch
    from peft import PeftModel
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    if not (adapter / "adapter_model.safetensors").is_file():
        raise TrainingError(f"expected adapter_model.safetensors in {adapter}, found none; run sft_adapter again")
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    try:
        return PeftModel.from_pretrained(model, adapter).eval()
    except (RuntimeError, ValueError, KeyError, OSError, SafetensorError) as error:
        raise TrainingError(f"expected an adapter for {base}, {adapter} does not fit: {first_line(error)}") from error


def probes_of(adapter: Path, tokenizer: Any) -> list[list[int]]:
    """The prompts that SFT left beside its adapter; a few plain ones for an adapter from elsewhere."""
    try:
        probes: list[list[int]] = read_json(adapter / PROBES)
    except StoreError:
        texts = [render([{"role": "user", "content": text}], answer=True) for text in PLAIN_PROBES]
        probes = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    return probes


def merge_and_prove(
    model: Any, tokenizer: Any, probes: list[list[int]], folder: Path, max_length: int
) -> dict[str, Any]:
    """Merges, saves, reads the folder back, and compares it with the adapter and with the base on every probe."""
    import torch
    from transformers import AutoModelForCausalLM

    model.eval()
    with_adapter = _logits(model, probes)
    with model.disable_adapter():
        without = _logits(model, probes)
    folder.mkdir(parents=True)
    save_model(model.merge_and_unload(safe_merge=True), tokenizer, folder)
    merged: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()  # type: ignore[no-untyped-call]
    logits = _logits(merged, probes)
    change = _gap(logits, without)
    return {
        "merge_max_logit_gap": _gap(logits, with_adapter),
        "change_from_base": change,
        "merged_differs_from_base": change > SAME_MODEL,
        **_stops(merged, tokenizer, probes, max_length),
        "tokenizer_survived": tokenizer_survived(tokenizer, folder),
    }


def prove_copy(folder: Path, origin: Path, tokenizer: Any, probes: list[list[int]], max_length: int) -> dict[str, Any]:
    """What `merge_and_prove` says, of a model folder that was copied."""
    import torch
    from transformers import AutoModelForCausalLM

    first: Any = AutoModelForCausalLM.from_pretrained(origin, dtype=torch.float32)
    before = _logits(first.eval(), probes)
    copied: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    gap = _gap(_logits(copied.eval(), probes), before)
    return {
        "merge_max_logit_gap": gap,
        "change_from_base": gap,
        "merged_differs_from_base": gap > SAME_MODEL,
        **_stops(copied, tokenizer, probes, max_length),
        "tokenizer_survived": tokenizer_survived(tokenizer, folder),
    }


def _stops(model: Any, tokenizer: Any, probes: list[list[int]], max_length: int) -> dict[str, Any]:
    answers = greedy_answers(model, tokenizer, probes, max_length)
    stopped = [text for text, ended in answers if ended and text.strip()]
    return {
        "natural_stop": len(stopped) == len(answers),
        "stopped_share": len(stopped) / len(answers),
        "answers": [text for text, _ in answers],
        "probes": [tokenizer.decode(probe) for probe in probes],
    }


def _logits(model: Any, probes: list[list[int]]) -> list[Any]:
    import torch

    with torch.no_grad():
        return [model(input_ids=torch.tensor([probe])).logits[0] for probe in probes]


def _gap(left: list[Any], right: list[Any]) -> float:
    return max(float((one - other).abs().max()) for one, other in zip(left, right, strict=True))


def greedy_answers(model: Any, tokenizer: Any, probes: Sequence[list[int]], max_length: int) -> list[tuple[str, bool]]:
    """The likeliest answer to each probe, and whether the model ended it by itself."""
    import torch

    width = max(len(probe) for probe in probes)
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    ids = torch.tensor([[pad] * (width - len(probe)) + probe for probe in probes])
    mask = torch.tensor([[0] * (width - len(probe)) + [1] * len(probe) for probe in probes])
    limit = max(16, max_length - width)
    with torch.no_grad():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=limit,
            do_sample=False,
            eos_token_id=end,
            pad_token_id=pad,
        )
    answers = []
    for tokens in made[:, width:].tolist():
        ended = end in tokens
        answers.append((tokenizer.decode(tokens[: tokens.index(end)] if ended else tokens), ended))
    return answers


def tokenizer_survived(tokenizer: Any, folder: Path) -> bool:
    """Whether the saved folder brings the same vocabulary, template, EOS and padding."""
    from transformers import AutoTokenizer

    saved: Any = AutoTokenizer.from_pretrained(folder)
    text = render([{"role": "user", "content": "Größe  42, it's 9:30\n- naïve café"}], answer=True)
    return bool(
        saved.get_vocab() == tokenizer.get_vocab()
        and saved.chat_template == JINJA
        and (saved.eos_token, saved.pad_token) == (TURN_END, PAD)
        and saved(text)["input_ids"] == tokenizer(text)["input_ids"]
    )
