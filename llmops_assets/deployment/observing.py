"""What a gateway tells of its work; who counts and logs it stands behind this, for monitoring comes later in the chain."""

from typing import Protocol

from llmops_assets.deployment.answering import Exchange


class Observer(Protocol):
    """Told of everything that happens to one product; may be called from any thread, and must not raise."""

    def answered(self, exchange: Exchange, version: str) -> None:
        """A request was answered, or stopped by a guard."""

    def failed(self, status: int, seconds: float, version: str) -> None:
        """A request got an error status."""

    def rated(self, request_id: str, version: str, *, positive: bool, comment: str) -> None:
        """A user rated an answer."""

    def model_answers(self, version: str, *, answers: bool) -> None:
        """Whether the model answers changed, or was looked at again."""
