"""What a trained classifier says of texts: the probability of harm, and of a job for another tool."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llmops_assets.guard import encoder, rules

BATCH = 32


class Scores(NamedTuple):
    """The classifier's probabilities of one text, in the order of `encoder.LABELS`."""

    harm: float
    off_topic: float

    @property
    def stop(self) -> float:
        """The probability of either, taken as independent: what is a little of both is no request to serve."""
        return 1 - (1 - self.harm) * (1 - self.off_topic)


def judged(model: Any, tokenize: encoder.Tokenizer, texts: Sequence[str]) -> list[Scores]:
    """The scores as the guard takes them: of the text or of its folded spelling, the higher of both."""
    both = probabilities(model, tokenize, [*texts, *map(rules.fold, texts)])
    return [Scores(*map(max, *pair)) for pair in zip(both[: len(texts)], both[len(texts) :], strict=True)]


def probabilities(model: Any, tokenize: encoder.Tokenizer, texts: Sequence[str]) -> list[Scores]:
    """The scores of each text; texts of the same tokens are judged once, in batches of like length."""
    import torch

    ids = tokenize.ids(texts)
    distinct = sorted(set(ids), key=lambda row: (len(row), row))
    found: dict[encoder.Ids, Scores] = {}
    with torch.inference_mode():
        for start in range(0, len(distinct), BATCH):
            rows = distinct[start : start + BATCH]
            said = torch.sigmoid(model(**tokenize.padded(rows))).tolist()
            found.update(zip(rows, (Scores(*row) for row in said), strict=True))
    return [found[row] for row in ids]
