"""The guard at work: may this conversation reach the model, and may this answer leave?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.guard import encoder, rules
from llmops_assets.guard.scoring import Scores, judged
from llmops_assets.storage import atomic


@dataclass(frozen=True)
class Decision:
    """Whether the text may pass, and why not.

    Attributes:
        off_topic: it is stopped as a job for another tool, not as harm.
        stop: the classifier's probability that it has to be stopped; None where the classifier was not asked.
        certain: the classifier is sure that the text is harmless, so that a model's refusal of it is a mistake.
    """

    allowed: bool
    reason: str = ""
    certain: bool = False
    off_topic: bool = False
    stop: float | None = field(default=None, compare=False)


def user_text(messages: Sequence[Mapping[str, str]]) -> str:
    """All user turns in one text: harm that is spread over turns is judged in its context."""
    return " \n ".join(turn["content"] for turn in messages if turn["role"] == "user")


def _last_turn(messages: Sequence[Mapping[str, str]]) -> str:
    return user_text([turn for turn in messages if turn["role"] == "user"][-1:])


def _by_rules(text: str) -> Decision:
    hit = rules.check(text)
    return Decision(True) if hit is None else Decision(False, f"rule {hit.rule}: {hit.words!r}")


Unfit = Callable[[str], str]


class Guard:
    """Rules, and the classifier where the folder holds one."""

    def __init__(self, folder: Path | None) -> None:
        """Loads `guard.safetensors` of the folder on first use.

        Args:
            folder: what `train_guard` wrote; None for rules only.
        """
        self.folder = folder if folder is not None and (folder / encoder.WEIGHTS).exists() else None
        self._loaded: _Classifier | None = None
        self._lock = Lock()

    def check_input(self, messages: Sequence[Mapping[str, str]], unfit: Unfit = lambda _: "") -> Decision:
        """Judges the user's turns together, and the last one alone.

        Args:
            messages: the conversation.
            unfit: why a request is no job for the product, as its code can tell; empty where it may be one.
        """
        return self.check_inputs([messages], unfit)[0]

    def check_inputs(
        self, conversations: Sequence[Sequence[Mapping[str, str]]], unfit: Unfit = lambda _: ""
    ) -> list[Decision]:
        """`check_input` of many conversations, the classifier's part in batches."""
        texts = [user_text(messages) for messages in conversations]
        strange = [unfit(_last_turn(messages)) for messages in conversations]
        found = [
            Decision(False, reason, off_topic=True) if reason else _by_rules(text)
            for reason, text in zip(strange, texts, strict=True)
        ]
        # Nothing was said where a conversation has no user turn, and the classifier's word on nothing is chance.
        left = [place for place, decision in enumerate(found) if decision.allowed and texts[place].strip()]
        if self.folder is None or not left:
            return found
        scores = self.judged([texts[place] for place in left] + [_last_turn(conversations[place]) for place in left])
        for place, whole, last in zip(left, scores[: len(left)], scores[len(left) :], strict=True):
            found[place] = self._classifier().decide(whole, last)
        return found

    def check_output(self, text: str) -> Decision:
        """Judges an answer by the rules alone: it is made of the request's own words."""
        return _by_rules(text)

    @property
    def limit(self) -> float:
        """The probability of harm or of another topic above which the classifier blocks."""
        return self._classifier().limit

    @property
    def clear(self) -> float:
        """The probability of harm below which the classifier is sure that a text is harmless."""
        return self._classifier().clear

    def judged(self, texts: Sequence[str]) -> list[Scores]:
        """The classifier's scores, a text each; folded spellings count too, the higher of both."""
        return judged(self._classifier().model, self._classifier().tokenize, texts)

    def _classifier(self) -> "_Classifier":
        with self._lock:
            if self._loaded is None:
                if self.folder is None:
                    raise ServingError(
                        "expected a trained guard, got rules only; train one or do not ask for its score"
                    )
                self._loaded = _Classifier.load(self.folder)
            return self._loaded


@dataclass(frozen=True)
class _Classifier:
    """The trained classifier with its limits."""

    model: Any
    tokenize: encoder.Tokenizer
    limit: float
    clear: float

    def decide(self, whole: Scores, last: Scores) -> Decision:
        """Judges all turns together and the last one alone.

        Harm in either counts. Off topic is only what is so in both: a short follow-up is understood from what was said before.
        """
        found = Scores(max(whole.harm, last.harm), min(whole.off_topic, last.off_topic))
        if found.stop <= self.limit:
            return Decision(True, certain=found.harm < self.clear, stop=found.stop)
        off_topic = found.off_topic > found.harm
        kind = "off topic" if off_topic else "harm"
        reason = f"classifier: {kind} {max(found):.2f}, limit {self.limit:.2f}"
        return Decision(False, reason, off_topic=off_topic, stop=found.stop)

    @classmethod
    def load(cls, folder: Path) -> "_Classifier":
        """Reads what `train_guard` wrote."""
        from safetensors.torch import load_file

        model = encoder.build()
        weights = load_file(folder / encoder.WEIGHTS)
        model.load_state_dict({name: weight.float() for name, weight in weights.items()})
        model.eval()
        numbers = atomic.read_json(folder / "guard.json")
        return cls(model, encoder.tokenizer(), float(numbers["limit"]), float(numbers["clear"]))
