"""ASGI middleware: a request body above the limit gets 413, whether its length was declared or not."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Counts what is received; the application turns the exception into a reply."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, with a body that ends where it is too long."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise HTTPException(413, f"expected a body of at most {self.limit} bytes, got more")
            return message

        await self.app(scope, counted if scope["type"] == "http" else receive, send)
