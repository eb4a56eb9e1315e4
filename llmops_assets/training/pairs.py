"""Preference pairs -> token ids, and batches in which both answers of a pair share one pass over their prompt.

A pair is {"id", "prompt": [{"role", "content"}...], "chosen": "...", "rejected": "...", "category"}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import DataError, TrainingError
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.training.rows import encode_row


@dataclass(frozen=True)
class TokenPair:
    """A prompt up to the assistant's opening, and its two answers with their end-of-turn token."""

    id: str
    category: str
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the prompt with the longer answer."""
        return len(self.prompt) + self.longest_answer

    @property
    def longest_answer(self) -> int:
        """Tokens of the longer answer."""
        return max(len(self.chosen), len(self.rejected))

    @property
    def tokens(self) -> int:
        """Tokens of the prompt and both answers."""
        return len(self.prompt) + len(self.chosen) + len(self.rejected)


@dataclass(frozen=True)
class PairSet:
    """The pairs that fit, and the ids of those that are too long."""

    pairs: tuple[TokenPair, ...]
    too_long: tuple[str, ...]


def load_pairs(path: Path, tokenizer: Any, max_length: int) -> PairSet:
    """Reads and encodes pairs.

    Raises:
        DataError: a pair is malformed, or both its answers are the same.
        TrainingError: no pair is left.
    """
    encoded = [encode_pair(row, tokenizer) for row in read_jsonl(path)]
    fitting = tuple(pair for pair in encoded if pair.longest <= max_length)
    if not fitting:
        raise TrainingError(
            f"expected preference pairs of up to {max_length} tokens in {path}, got {len(encoded)} pairs and none fits; "
            "raise max_length or set dpo_epochs: 0"
        )
    return PairSet(fitting, tuple(pair.id for pair in encoded if pair.longest > max_length))


def encode_pair(row: dict[str, Any], tokenizer: Any) -> TokenPair:
    """Token ids of one pair, the very ones that SFT and serving give the same text."""
    where, prompt = str(row.get("id", "without id")), row.get("prompt")
    sides = (row.get("chosen"), row.get("rejected"))
    if not isinstance(prompt, list) or not all(isinstance(side, str) for side in sides) or sides[0] == sides[1]:
        raise DataError(
            f"expected a prompt and two different answers as text in pair {where}, got {sides!r}; correct the dataset"
        )
    turns = [{**turn, "train": False} for turn in prompt]
    rows = [
        encode_row({"id": where, "messages": [*turns, {"role": "assistant", "content": side}]}, tokenizer)
        for side in sides
    ]
    shared = rows[0].prompt
    answers = [whole.input_ids[len(shared) :] for whole in rows]
    return TokenPair(where, str(row.get("category", "")), shared, answers[0], answers[1])


def collate_pairs(pairs: Sequence[TokenPair], pad_id: int, *, shared: bool) -> dict[str, Any]:
    """A batch of pairs, padded on the right.

    `rows` and `places` say where each answer token (`targets`) is predicted, and `owners` whose it is: answer n is the
    chosen one of pair n, answer len(pairs) + n its rejected one.

    Args:
        pairs: at least one.
        pad_id: the padding token.
        shared: one row a pair, prompt + chosen + rejected, where the rejected answer does not see the chosen one;
            else one row an answer.
    """
    import torch

    ids, predictions = _in_one_row(pairs) if shared else _in_two_rows(pairs)
    width = max(len(row) for row in ids)
    rows, places, targets, owners = (torch.tensor(column) for column in zip(*predictions, strict=True))
    batch = {
        "input_ids": torch.tensor([row + [pad_id] * (width - len(row)) for row in ids]),
        "rows": rows,
        "places": places,
        "targets": targets,
        "owners": owners,
        "pair_tokens": torch.tensor([pair.tokens for pair in pairs]),
    }
    return {**batch, **_sight(pairs, width)} if shared else batch


def _in_one_row(pairs: Sequence[TokenPair]) -> tuple[list[list[int]], list[tuple[int, int, int, int]]]:
    ids, predictions = [], []
    for number, pair in enumerate(pairs):
        ids.append(pair.prompt + pair.chosen + pair.rejected)
        last = len(pair.prompt) - 1
        first_places = range(last, last + len(pair.chosen))
        # The first token of either answer is predicted by the end of the prompt.
        second_places = [last, *range(last + len(pair.chosen) + 1, len(ids[-1]) - 1)]
        predictions += [(number, *of, number) for of in zip(first_places, pair.chosen, strict=True)]
        predictions += [(number, *of, len(pairs) + number) for of in zip(second_places, pair.rejected, strict=True)]
    return ids, predictions


def _in_two_rows(pairs: Sequence[TokenPair]) -> tuple[list[list[int]], list[tuple[int, int, int, int]]]:
    sides = [(pair.prompt, pair.chosen) for pair in pairs] + [(pair.prompt, pair.rejected) for pair in pairs]
    predictions = [
        (number, len(prompt) - 1 + place, token, number)
        for number, (prompt, answer) in enumerate(sides)
        for place, token in enumerate(answer)
    ]
    return [prompt + answer for prompt, answer in sides], predictions


def _sight(pairs: Sequence[TokenPair], width: int) -> dict[str, Any]:
    """Positions and attention of shared rows: the rejected answer goes on where the prompt ended."""
    import torch

    first = torch.tensor([len(pair.prompt) for pair in pairs])[:, None, None]
    second = first + torch.tensor([len(pair.chosen) for pair in pairs])[:, None, None]
    place = torch.arange(width)
    seen, looking = place[None, None, :], place[None, :, None]
    hidden = (looking >= second) & (seen >= first) & (seen < second)
    back = torch.where(place[None, :] >= second[:, 0], second[:, 0] - first[:, 0], 0)
    return {"position_ids": place[None, :] - back, "attention_mask": ((seen <= looking) & ~hidden)[:, None]}
