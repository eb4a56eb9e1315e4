"""The text of an answer as its tokens come: whole characters only, and nothing of a stop word."""

import codecs
from collections.abc import Sequence


class AnswerText:
    """What was said so far; an end that could begin a stop word is kept back until it is known whether it does."""

    def __init__(self, stop: Sequence[str]) -> None:
        """Begins with nothing said."""
        self.said = ""
        self.stopped = False
        self._stop = [word for word in stop if word]
        self._reader = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""

    def add(self, piece: bytes) -> str:
        """Takes what the next token says, and gives what can be told of it; sets `stopped` where a stop word came."""
        text = self._kept + self._reader.decode(piece)
        places = [place for word in self._stop if (place := text.find(word)) >= 0]
        if places:
            self.stopped, self._kept = True, ""
            return self._tell(text[: min(places)])
        kept = max(
            (size for word in self._stop for size in range(1, len(word)) if text.endswith(word[:size])), default=0
        )
        self._kept = text[len(text) - kept :]
        return self._tell(text[: len(text) - kept])

    def end(self) -> str:
        """What was kept back, for no stop word comes any more; a character that is not whole is left out."""
        kept, self._kept = self._kept, ""
        return self._tell(kept)

    def _tell(self, text: str) -> str:
        self.said += text
        return text
