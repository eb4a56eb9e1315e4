"""Which answers may still be rated: the latest ones, each once, so that nobody can vote twice or for what was never said."""

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from llmops_assets.deployment.door import Door

REMEMBERED = 10_000


class Answered(NamedTuple):
    """Where an answer came from, and which version gave it: another one may serve by the time of the rating."""

    door: "Door"
    version: str


class RatedRequests:
    """Ids of answers and where they came from; for one event loop."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, Answered] = OrderedDict()

    def remember(self, request_id: str, answered: Answered) -> None:
        """Lets an answer be rated; the oldest is forgotten where there are too many."""
        self._answers[request_id] = answered
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)

    def take(self, request_id: str) -> Answered | None:
        """Where an answer that was not rated yet came from, else None."""
        return self._answers.pop(request_id, None)
