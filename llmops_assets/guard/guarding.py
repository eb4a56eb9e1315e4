"""The guard at work: may this conversation reach the model, and may this answer leave?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.guard import encoder, rules, training
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class Decision:
    """Whether the text may pass, and why not.

    Attributes:
        certain: the classifier is sure that the text is harmless, so that a model's refusal of it is a mistake.
    """

    allowed: bool
    reason: str = ""
    certain: bool = False


def user_text(messages: Sequence[Mapping[str, str]]) -> str:
    """All user turns in one text: harm that is spread over turns is judged in its context."""
    return " \n ".join(turn["content"] for turn in messages if turn["role"] == "user")


def _last_turn(messages: Sequence[Mapping[str, str]]) -> str:
    return user_text([turn for turn in messages if turn["role"] == "user"][-1:])


def _by_rules(text: str) -> Decision:
    hit = rules.check(text)
    return Decision(True) if hit is None else Decision(False, f"rule {hit.rule}: {hit.words!r}")


class Guard:
    """Rules, and the classifier where the folder holds one."""

    def __init__(self, folder: Path | None) -> None:
        """Loads `guard.safetensors` of the folder on first use.

        Args:
            folder: what `train_guard` wrote; None for rules only.
        """
        self.folder = folder if folder is not None and (folder / encoder.WEIGHTS).exists() else None
        self._loaded: tuple[Any, Any, float, float] | None = None
        self._lock = Lock()

    def check_input(self, messages: Sequence[Mapping[str, str]]) -> Decision:
        """Judges the user's turns together, and the last one alone."""
        return self.check_inputs([messages])[0]

    def check_inputs(self, conversations: Sequence[Sequence[Mapping[str, str]]]) -> list[Decision]:
        """`check_input` of many conversations, the classifier's part in batches."""
        texts = [user_text(messages) for messages in conversations]
        found = [_by_rules(text) for text in texts]
        # Nothing was said where a conversation has no user turn, and the classifier's word on nothing is chance.
        left = [place for place, decision in enumerate(found) if decision.allowed and texts[place].strip()]
        if self.folder is None or not left:
            return found
        scores = self.harm([texts[place] for place in left] + [_last_turn(conversations[place]) for place in left])
        for place, score in zip(left, map(max, scores[: len(left)], scores[len(left) :]), strict=True):
            if score > self.limit:
                found[place] = Decision(False, f"classifier {score:.2f} above {self.limit:.2f}")
            elif score < self.clear:
                found[place] = Decision(True, certain=True)
        return found

    def check_output(self, text: str) -> Decision:
        """Judges an answer by the rules alone: it is made of the request's own words."""
        return _by_rules(text)

    @property
    def limit(self) -> float:
        """The probability above which the classifier blocks."""
        return self._classifier()[2]

    @property
    def clear(self) -> float:
        """The probability below which the classifier is sure that a text is harmless."""
        return self._classifier()[3]

    def harm(self, texts: Sequence[str]) -> list[float]:
        """The classifier's probability of harm, a text each; folded spellings count too, the higher of both."""
        model, tokenize, _, _ = self._classifier()
        return training.harm(model, tokenize, texts)

    def _classifier(self) -> tuple[Any, Any, float, float]:
        with self._lock:
            if self._loaded is None:
                if self.folder is None:
                    raise ServingError(
                        "expected a trained guard, got rules only; train one or do not ask for its score"
                    )
                self._loaded = self._load(self.folder)
            return self._loaded

    @staticmethod
    def _load(folder: Path) -> tuple[Any, Any, float, float]:
        from safetensors.torch import load_file

        model = encoder.build()
        weights = load_file(folder / encoder.WEIGHTS)
        model.load_state_dict({name: weight.float() for name, weight in weights.items()})
        model.eval()
        numbers = atomic.read_json(folder / "guard.json")
        return model, encoder.tokenizer(), float(numbers["limit"]), float(numbers.get("clear", 0.0))
