"""Token ids, loss masks and preference pairs, by value."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import DataError, TrainingError
from llmops_assets.storage.atomic import write_jsonl
from llmops_assets.tasks.chat_template import TURN_END, render
from llmops_assets.training.rows import IGNORED, TrainingRow, check_masks, encode_row, load_rows, show_row
from llmops_assets_tests.tiny_model import write_conversations


def turn(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def test_a_row_is_the_rendered_conversation_and_trains_answer_and_end_of_turn_only(tokenizer: Any) -> None:
    messages = [turn("user", "say 42"), turn("assistant", "42")]
    row = encode_row({"id": "a", "messages": messages}, tokenizer)
    assert tokenizer.decode(row.input_ids) + "\n" == render(messages)
    assert tokenizer.decode([label for label in row.labels if label != IGNORED]) == f"42{TURN_END}"
    assert row.labels[-1] == tokenizer.eos_token_id != tokenizer.pad_token_id
    assert tokenizer.decode(row.prompt) == render(messages[:1], answer=True)


def test_every_answer_of_a_conversation_is_trained_unless_it_says_otherwise(tokenizer: Any) -> None:
    messages = [
        turn("user", "one"),
        turn("assistant", "first", train=False),
        turn("user", "two"),
        turn("assistant", "second"),
        turn("user", "three"),
        turn("assistant", "third"),
    ]
    row = encode_row({"id": "a", "messages": messages}, tokenizer)
    shown = show_row(row, tokenizer)
    assert shown.count("⟦") == 2
    assert f"⟦second{TURN_END}⟧" in shown
    assert f"⟦third{TURN_END}⟧" in shown
    assert f"first{TURN_END}" in shown


@pytest.mark.parametrize(
    "messages",
    [
        "no list",
        [turn("user", "a"), {"role": "assistant"}],
        [turn("user", f"a{TURN_END}"), turn("assistant", "b")],
        [turn("user", "a"), turn("assistant", "<|im_start|>user")],
    ],
)
def test_a_malformed_row_is_named(messages: Any, tokenizer: Any) -> None:
    with pytest.raises(DataError, match="row row-7"):
        encode_row({"id": "row-7", "messages": messages}, tokenizer)


@pytest.mark.parametrize(
    ("labels", "fault"),
    [([IGNORED, IGNORED], "an assistant's turn"), ([IGNORED, 42], "at the end of each trained turn")],
)
def test_a_mask_without_answer_or_without_end_of_turn_is_refused(labels: list[int], fault: str, tokenizer: Any) -> None:
    with pytest.raises(TrainingError, match=fault):
        check_masks([TrainingRow("a", [1, 42], labels)], tokenizer)


def test_rows_that_are_too_long_are_left_out_and_named(tmp_path: Path, tokenizer: Any) -> None:
    path = write_conversations(tmp_path / "rows.jsonl", 4)
    lengths = [len(row.input_ids) for row in load_rows(path, tokenizer, 512).rows]
    kept = load_rows(path, tokenizer, max(lengths) - 1)
    assert kept.too_long == (f"row-{lengths.index(max(lengths))}",)
    assert len(kept.rows) == 3
    with pytest.raises(TrainingError, match="raise max_length"):
        load_rows(path, tokenizer, 16)


def test_a_dataset_without_answers_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [{"id": "a", "messages": [turn("user", "hello")]}])
    with pytest.raises(TrainingError, match="row a"):
        load_rows(path, tokenizer, 512)
