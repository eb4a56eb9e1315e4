"""A bound on requests: so many at work, so many waiting, the rest is told when to come again."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

SMOOTHING = 0.2


class TurnstileFullError(Exception):
    """No room even to wait; `retry_after_s` says when there may be."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("full")
        self.retry_after_s = retry_after_s


class Turnstile:
    """Lets `at_work` requests in, and `waiting` more queue; for one event loop."""

    def __init__(self, *, at_work: int, waiting: int) -> None:
        self.at_work, self.room = at_work, at_work + waiting
        self.inside = 0
        self._mean_s = 1.0
        self._free = asyncio.Semaphore(at_work)

    @property
    def retry_after_s(self) -> int:
        """About how long until all that is inside is done, in whole seconds, at least 1."""
        return max(1, math.ceil(self._mean_s * self.inside / self.at_work))

    @contextlib.asynccontextmanager
    async def turn(self, timeout_s: float) -> AsyncIterator[float]:
        """One turn; gives the seconds of the timeout that are left when it begins.

        Raises:
            TurnstileFullError: there is no room.
            TimeoutError: the turn did not come in time.
        """
        if self.inside >= self.room:
            raise TurnstileFullError(self.retry_after_s)
        loop = asyncio.get_running_loop()
        came, self.inside = loop.time(), self.inside + 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._free.acquire()
            began = loop.time()
            try:
                yield timeout_s - (began - came)
            finally:
                self._free.release()
                self._mean_s += SMOOTHING * (loop.time() - began - self._mean_s)
        finally:
            self.inside -= 1
