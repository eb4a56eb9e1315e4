"""What is asked of the model folder itself, in a child process that gives its memory back: the F16 file, tokens, answers."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmops_assets.export.gguf import write_gguf

Prompts = Sequence[list[dict[str, str]]]


@dataclass(frozen=True)
class Exported:
    """What came out of a model folder.

    Attributes:
        tensors: how many the F16 file holds, each compared with the folder's.
        prompt_ids: token ids of every prompt by the folder's own tokenizer and chat template.
        answers: greedy answers to the first prompts.
        seconds: of the conversion.
    """

    tensors: int
    prompt_ids: list[list[int]]
    answers: list[str]
    seconds: float


def export(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A stage's child: writes `f16.gguf` into `work` and asks the model.

    Args:
        spec: `model` (folder), `name`, `prompts`, `answered` (how many prompts to answer), `max_tokens`.
        work: gets the file.

    Raises:
        ExportError: the model cannot be written, or what is read back differs.
    """
    from transformers import AutoTokenizer

    from llmops_assets.training.base_model import load_tokenizer

    folder, started = Path(spec["model"]), time.monotonic()
    found = write_gguf(folder, work / "f16.gguf", spec["name"])
    seconds = round(time.monotonic() - started, 2)
    # `load_tokenizer` sets our template, whatever the model was trained with: the folder's own one is what parity is about.
    own: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer = load_tokenizer(folder)
    ids = [
        tokenizer.apply_chat_template(
            messages, chat_template=own.chat_template, add_generation_prompt=True, return_dict=False
        )
        for messages in spec["prompts"]
    ]
    answers = _greedy(folder, tokenizer, ids[: spec["answered"]], spec["max_tokens"])
    return asdict(Exported(len(found.tensors), ids, answers, seconds))


def _greedy(folder: Path, tokenizer: Any, prompts: list[list[int]], max_tokens: int) -> list[str]:
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    answers = []
    for ids in prompts:
        given = torch.tensor([ids])
        with torch.no_grad():
            said = model.generate(
                given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=max_tokens, **ends
            )
        answers.append(tokenizer.decode(said[0, len(ids) :], skip_special_tokens=True))
    return answers
