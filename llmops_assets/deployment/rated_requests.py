"""Which answers may still be rated: the latest ones, each once, so that nobody can vote twice or for what was never said."""

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmops_assets.deployment.door import Door

REMEMBERED = 10_000


class RatedRequests:
    """Ids of answers and the doors they came from; for one event loop."""

    def __init__(self) -> None:
        self._doors: OrderedDict[str, Door] = OrderedDict()

    def remember(self, request_id: str, door: "Door") -> None:
        """Lets an answer be rated; the oldest is forgotten where there are too many."""
        self._doors[request_id] = door
        if len(self._doors) > REMEMBERED:
            self._doors.popitem(last=False)

    def take(self, request_id: str) -> "Door | None":
        """The door of an answer that was not rated yet, else None."""
        return self._doors.pop(request_id, None)
