from pathlib import Path

import pytest

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.preference import Pair, margins
from llmops_assets.tasks.chat_template import TURN_END, render

ASKED = render([{"role": "user", "content": "remind me to call Ana before Friday"}], answer=True)
PAIRS = [
    Pair("far", ASKED, f'{{"action":"create","title":"call Ana"}}{TURN_END}', f'{{"action":"refuse"}}{TURN_END}'),
    Pair("late", ASKED, f'{{"action":"list"}}{TURN_END}', f'{{"action":"list","due":"Friday"}}{TURN_END}'),
    Pair("early", ASKED, f"no{TURN_END}", f'{{"action":"none"}}{TURN_END}'),
    Pair("same", ASKED, f"yes{TURN_END}", f"yes{TURN_END}"),
    Pair("long", render([{"role": "user", "content": "plants " * 60}], answer=True), f"a b c{TURN_END}", TURN_END),
]


def quiet(_: str) -> None:
    """Nobody listens."""


def reference(folder: Path, pair: Pair) -> float:
    """The margin by transformers, from the weights that the file holds."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data = weight.data.half().float()

    def logprob(text: str) -> float:
        prompt = words(pair.prompt, add_special_tokens=False)["input_ids"]
        answer = words(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            scores = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        return sum(float(scores[len(prompt) - 1 + place, token]) for place, token in enumerate(answer))

    return logprob(pair.chosen) - logprob(pair.rejected)


def test_margins_are_those_of_transformers_on_the_same_weights(tiny_model: Path, tiny_gguf: Path) -> None:
    found = margins(tiny_gguf, PAIRS, threads=1, report=quiet)
    assert found == pytest.approx([reference(tiny_model, pair) for pair in PAIRS], abs=0.02)
    assert min(abs(margin) for pair, margin in zip(PAIRS, found, strict=True) if pair.id != "same") > 0.5


def test_swapped_answers_swap_the_sign(tiny_gguf: Path) -> None:
    swapped = [Pair(pair.id, pair.prompt, pair.rejected, pair.chosen) for pair in PAIRS]
    there, back = (margins(tiny_gguf, pairs, threads=1, report=quiet) for pairs in (PAIRS, swapped))
    assert there == pytest.approx([-margin for margin in back], abs=1e-3)


def test_a_pair_is_judged_alike_whatever_came_before(tiny_gguf: Path) -> None:
    together = margins(tiny_gguf, PAIRS, threads=2, report=quiet)
    alone = [margins(tiny_gguf, [pair], threads=1, report=quiet)[0] for pair in PAIRS]
    assert together == pytest.approx(alone, abs=1e-3)


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03")
    with pytest.raises(EvaluationError, match="run gguf_model again"):
        margins(tmp_path / "cut.gguf", PAIRS, threads=1, report=quiet)
