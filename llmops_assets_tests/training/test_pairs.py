"""Preference pairs as tokens, and the batch in which two answers share a prompt."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import DataError, TrainingError
from llmops_assets.tasks.chat_template import TURN_END, render
from llmops_assets.training.pairs import TokenPair, collate_pairs, encode_pair, load_pairs
from llmops_assets_tests.tiny_model import preference, write_preferences

PAIRS = [TokenPair("a", "", [1, 2], [3, 4], [5]), TokenPair("b", "", [6], [7], [8, 9, 10])]


def test_a_pair_is_what_serving_renders_with_the_end_of_turn(tokenizer: Any) -> None:
    row = preference(3)
    pair = encode_pair(row, tokenizer)
    assert tokenizer.decode(pair.prompt) == render(row["prompt"], answer=True)
    assert tokenizer.decode(pair.chosen) == row["chosen"] + TURN_END
    assert tokenizer.decode(pair.rejected) == row["rejected"] + TURN_END
    assert pair.category == "contract"


def test_an_answer_inside_the_prompt_belongs_to_the_prompt(tokenizer: Any) -> None:
    earlier = [{"role": "assistant", "content": "done"}, {"role": "user", "content": "and now?"}]
    row = {**preference(0), "prompt": preference(0)["prompt"] + earlier}
    assert tokenizer.decode(encode_pair(row, tokenizer).prompt) == render(row["prompt"], answer=True)


@pytest.mark.parametrize("change", [{"rejected": preference(1)["chosen"]}, {"chosen": None}, {"prompt": "remind me"}])
def test_a_malformed_pair_is_named(change: dict[str, Any], tokenizer: Any) -> None:
    with pytest.raises(DataError, match="pair pair-1"):
        encode_pair({**preference(1), **change}, tokenizer)


def test_pairs_that_are_too_long_are_left_out_and_named(tmp_path: Path, tokenizer: Any) -> None:
    path = write_preferences(tmp_path / "pairs.jsonl", 4)
    longest = max(load_pairs(path, tokenizer, 512).pairs, key=lambda pair: pair.longest)
    kept = load_pairs(path, tokenizer, longest.longest - 1)
    assert kept.too_long == (longest.id,)
    with pytest.raises(TrainingError, match="dpo_epochs: 0"):
        load_pairs(path, tokenizer, 16)


def test_a_shared_batch_says_where_each_answer_token_is_predicted() -> None:
    batch = collate_pairs(PAIRS, 0, shared=True)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 2], [0, 1, 1, 2, 3]]
    columns = (batch[name].tolist() for name in ("rows", "places", "targets", "owners"))
    assert list(zip(*columns, strict=True)) == [
        (0, 1, 3, 0),
        (0, 2, 4, 0),
        (0, 1, 5, 2),
        (1, 0, 7, 1),
        (1, 0, 8, 3),
        (1, 2, 9, 3),
        (1, 3, 10, 3),
    ]
    assert batch["pair_tokens"].tolist() == [5, 5]


def test_a_rejected_answer_sees_the_prompt_and_itself_but_not_the_chosen_one() -> None:
    seen = collate_pairs(PAIRS, 0, shared=True)["attention_mask"][:, 0].int().tolist()
    assert seen[0][3:] == [[1, 1, 1, 1, 0], [1, 1, 0, 0, 1]]
    assert seen[1][1:] == [[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 0, 1, 1, 0], [1, 0, 1, 1, 1]]


def test_a_batch_of_two_rows_a_pair_predicts_the_same_tokens() -> None:
    batch = collate_pairs(PAIRS, 0, shared=False)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4], [6, 7, 0, 0], [1, 2, 5, 0], [6, 8, 9, 10]]
    assert batch["targets"].tolist() == [3, 4, 7, 5, 8, 9, 10]
    assert batch["owners"].tolist() == [0, 0, 1, 2, 3, 3, 3]
    assert "attention_mask" not in batch
