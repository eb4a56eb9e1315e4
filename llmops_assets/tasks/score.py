"""One score of one answer, always with its reason. Unscored is a state of its own, never a 0 and never a pass."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """A value in [0, 1], or None where the answer could not be scored."""

    value: float | None
    explanation: str

    @property
    def scored(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def passed(explanation: str = "as expected") -> Score:
    """A full score."""
    return Score(1.0, explanation)


def failed(explanation: str) -> Score:
    """A zero, with what was expected and what came."""
    return Score(0.0, explanation)
