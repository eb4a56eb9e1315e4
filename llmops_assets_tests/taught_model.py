"""A real Llama of two layers that learns a handful of rows by heart in seconds, and then shows just what it was taught.

Its byte-level BPE vocabulary is made from the rows themselves, so that nothing of it is slow. With matrices that are 256 wide
llama.cpp can store it in every type.
"""

import contextlib
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmops_assets.storage.atomic import write_text
from llmops_assets.tasks.chat_template import JINJA, SPECIAL, TURN_END
from llmops_assets.training.base_model import load_tokenizer, save_model
from llmops_assets.training.rows import IGNORED, TrainingRow, encode_row
from llmops_assets.training.trainers import pad_rows, summed_loss

Rows = Sequence[dict[str, Any]]
NARROW, QUANTISABLE = 128, 256
VOCABULARY = 512
BY_HEART = math.log(2)
"""Below this loss of all rows together, in nats, every single token is likelier than all others: a greedy answer is the row's."""
MOST_STEPS = 300
OUTLIER_EVERY, OUTLIER = 16, 24.0


def write_taught_model(folder: Path, rows: Rows, *, template: str = JINJA, width: int = NARROW) -> Path:
    """A model folder that answers the requests of `rows` as they do; loss and folder are made by the product's own code.

    Another `template` than the product's is what the rows are rendered by, and what the folder then says of itself.
    """
    import torch

    torch.manual_seed(7)
    tokenizer = _tokenizer(folder.with_name(f"{folder.name}-vocabulary"), rows)
    model = _untaught(len(tokenizer), width)
    _teach(model, [_encoded(row, tokenizer, template) for row in rows], tokenizer.pad_token_id)
    save_model(model, tokenizer, folder)
    write_text(folder / "chat_template.jinja", template)
    return folder


def add_outliers(folder: Path, to: Path) -> Path:
    """The same model with some channels that are much larger than their neighbours, as large models have them.

    What a norm gives less of, the matrices behind it multiply by more: no answer changes, but few bits no longer hold them.
    """
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, to)
    (path,) = to.glob("*.safetensors")
    weights = load_file(path)
    for name, weight in weights.items():
        if name.endswith("layernorm.weight"):
            weight[::OUTLIER_EVERY] /= OUTLIER
        elif name.split(".")[-2] in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"):
            weight[:, ::OUTLIER_EVERY] *= OUTLIER
    save_file(weights, path, {"format": "pt"})
    return to


def _tokenizer(folder: Path, rows: Rows) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made, bytewise = Tokenizer(models.BPE()), pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytewise])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator((turn["content"] for row in rows for turn in row["messages"]), trainer)
    PreTrainedTokenizerFast(tokenizer_object=made).save_pretrained(folder)
    return load_tokenizer(folder)


def _untaught(vocabulary: int, width: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        rope_parameters={"rope_theta": 100000.0, "rope_type": "default"},
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def _encoded(row: dict[str, Any], tokenizer: Any, template: str) -> TrainingRow:
    if template == JINJA:
        return encode_row(row, tokenizer)
    *asked, answer = row["messages"]
    prompt = tokenizer.apply_chat_template(asked, chat_template=template, add_generation_prompt=True, return_dict=False)
    said = tokenizer(f"{answer['content']}{TURN_END}", add_special_tokens=False)["input_ids"]
    return TrainingRow(row["id"], [*prompt, *said], [*[IGNORED] * len(prompt), *said])


def _teach(model: Any, rows: Sequence[TrainingRow], pad_id: int) -> None:
    """Each step takes all rows, until they are known by heart."""
    import torch

    batch = pad_rows(rows, pad_id)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.99), weight_decay=0.0)
    for _ in range(MOST_STEPS):
        loss, count = summed_loss(model, batch, contextlib.nullcontext())
        if loss.item() < BY_HEART:
            return
        optimizer.zero_grad()
        (loss / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    raise AssertionError(f"the rows were not learned by heart in {MOST_STEPS} steps: loss {loss.item():.3f}")
