"""Answers and log-probabilities of tiny real models, against the plainest way to ask for them."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.preference import answer_logprobs
from llmops_assets.evaluation.stage_answers import answers_of, ask_files, ask_folders, logprobs_of, remake_f16
from llmops_assets.storage.atomic import sha256_file
from llmops_assets.tasks.chat_template import TURN_END, render

ASKED = [
    [{"role": "user", "content": text}] for text in ("call Ana", "list what Bob has to do on Sunday, please", "no")
]
ANSWERS = ('{"action":"create","title":"call Ana"}', '{"action":"list"}', "yes")


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    from llmops_assets.training.base_model import load_tokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    return model.eval(), load_tokenizer(tiny_model)


def prompts_of(tokenizer: Any) -> list[list[int]]:
    return [tokenizer(render(messages, answer=True), add_special_tokens=False)["input_ids"] for messages in ASKED]


def folder_spec(folder: Path, **changes: Any) -> dict[str, Any]:
    rows = list(zip(ASKED, ANSWERS, strict=True))
    question = {"stage": "merged", "folder": str(folder), "adapter": "", "conversations": ASKED, "continuations": rows}
    return {"questions": [question], "base": "", "cache": "", "max_tokens": 6, "cases": 2, **changes}


def test_a_batch_answers_as_each_prompt_alone(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    prompts, lines = prompts_of(tokenizer), list[str]()
    together = answers_of(model, tokenizer, prompts, 6, lines.append)
    alone = [answers_of(model, tokenizer, [prompt], 6, lines.append)[0] for prompt in prompts]
    assert together == alone
    assert len({*together}) > 1
    assert lines[0] == "batch 1/1 answered"


class Scripted:
    """Says the same three tokens to whatever it is asked; the second one ends its turn."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens

    def generate(self, *, input_ids: Any, **_: Any) -> Any:
        import torch

        return torch.cat([input_ids, torch.tensor([self.tokens] * len(input_ids))], dim=1)


def test_an_answer_ends_before_its_end_of_turn(loaded: tuple[Any, Any]) -> None:
    tokenizer = loaded[1]
    word = tokenizer("yes", add_special_tokens=False)["input_ids"][0]
    scripted = Scripted([word, tokenizer.eos_token_id, word])
    assert answers_of(scripted, tokenizer, prompts_of(tokenizer), 3, print) == [tokenizer.decode([word])] * 3


def test_log_probabilities_are_those_of_one_row_at_a_time(loaded: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = loaded
    rows = list(zip(prompts_of(tokenizer), ANSWERS, strict=True))

    def plain(prompt: list[int], answer: str) -> float:
        tokens = tokenizer(f"{answer}{TURN_END}", add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            scores = model(torch.tensor([prompt + tokens])).logits[0].log_softmax(-1)
        return sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(tokens))

    assert logprobs_of(model, tokenizer, rows) == pytest.approx([plain(*row) for row in rows], abs=1e-3)
    assert logprobs_of(model, tokenizer, []) == []


def test_the_same_weights_tell_the_same_from_folder_and_file(tiny_model: Path, tiny_gguf: Path, tmp_path: Path) -> None:
    folder = ask_folders(folder_spec(tiny_model, cases=3), tmp_path)["merged"]
    spec = {"files": {"f16": str(tiny_gguf)}, "conversations": ASKED, "max_tokens": 6, "context": 1024}
    file = ask_files(spec, tmp_path)["f16"]
    assert folder["prompts"] == file["prompts"]
    assert folder["texts"] == file["texts"]
    texts = [
        (render(messages, answer=True), f"{text}{TURN_END}") for messages, text in zip(ASKED, ANSWERS, strict=True)
    ]
    assert answer_logprobs(tiny_gguf, texts, threads=2) == pytest.approx(folder["logprobs"], abs=0.1)


def test_the_hash_is_of_the_cases_prompts_only(tiny_model: Path, tmp_path: Path) -> None:
    first, all_ = (ask_folders(folder_spec(tiny_model, cases=cases), tmp_path)["merged"] for cases in (2, 3))
    assert first["prompts"] != all_["prompts"]
    assert first["texts"] == all_["texts"]


def test_the_f16_file_is_known_again_by_its_digest(tiny_model: Path, tiny_gguf: Path, tmp_path: Path) -> None:
    spec = {"folder": str(tiny_model), "name": "tiny", "sha256": sha256_file(tiny_gguf)}
    assert remake_f16(spec, tmp_path) == {"same": True}
    assert (tmp_path / "f16.gguf").read_bytes() == tiny_gguf.read_bytes()
    assert remake_f16({**spec, "name": "other"}, tmp_path) == {"same": False}
