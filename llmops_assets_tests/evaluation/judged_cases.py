"""Cases and answers of the command task, as short as they can be."""

from typing import Any

from llmops_assets.evaluation.answering import Answer

CREATE, LIST, REFUSE, NONE = (
    '{"action":"create","title":"buy milk"}',
    '{"action":"list"}',
    '{"action":"refuse"}',
    '{"action":"none"}',
)
BUY = {"action": "create", "title": "buy milk"}


def case(name: str, text: str = "buy milk", expected: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A case of one user turn that wants milk to be bought, unless told otherwise."""
    return {"id": name, "messages": [{"role": "user", "content": text}], "expected": expected or BUY, **more}


def answer(text: str, latency_s: float = 0.5, done_reason: str = "stop", at_once: int = 8) -> Answer:
    """What a model said."""
    return Answer(text, latency_s, 10, 5, done_reason, at_once)
