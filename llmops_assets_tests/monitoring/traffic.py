"""Made-up request records and the free ports and real processes that monitoring's tests need."""

import random
import socket
from collections.abc import Sequence
from typing import Any

from llmops_assets.monitoring.prompt_embedding import embed_prompt

TASK_WORDS = [
    "add",
    "task",
    "remind",
    "me",
    "call",
    "ana",
    "about",
    "friday",
    "budget",
    "review",
    "list",
    "open",
    "done",
    "delete",
    "urgent",
    "next",
    "week",
]
OTHER_WORDS = [
    "quels",
    "sont",
    "les",
    "horaires",
    "du",
    "magasin",
    "et",
    "combien",
    "coûte",
    "la",
    "livraison",
    "vers",
    "lyon",
    "demain",
    "matin",
]
ACTIONS = {"create": 5.0, "list": 2.0, "complete": 1.5, "delete": 1.0, "update": 0.5}


def traffic(
    seed: int,
    count: int,
    *,
    prompt_chars: float = 60,
    answer_chars: float = 120,
    actions: dict[str, float] = ACTIONS,
    refused: float = 0.05,
    format_valid: float = 0.95,
    latency_s: float = 0.8,
    words: Sequence[str] = TASK_WORDS,
) -> list[dict[str, Any]]:
    """Records of the given kind."""
    rng = random.Random(seed)
    return [
        {
            "prompt_chars": max(1, round(rng.gauss(prompt_chars, 15))),
            "answer_chars": max(1, round(rng.gauss(answer_chars, 30))),
            "action": rng.choices(list(actions), list(actions.values()))[0],
            "refused": rng.random() < refused,
            "format_valid": rng.random() < format_valid,
            "latency_s": rng.expovariate(1 / latency_s),
            "prompt_embedding": embed_prompt(" ".join(rng.choices(words, k=7))),
        }
        for _ in range(count)
    ]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
