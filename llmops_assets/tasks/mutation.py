"""Named ways to damage a right answer, so that a scorer can be tested: what it does not notice is a hole in it.

Mutation("empty answer", ("format", "accuracy"), make) says which scores must fall when `make` damages a right answer.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SHAPE = ("format", "accuracy")
PROSE_REFUSAL = "I'm sorry, but I can't help with that."


@dataclass(frozen=True)
class Mutation:
    """One way to damage a right answer.

    Attributes:
        name: what is wrong with the damaged answer.
        falls: the scores that must fall, keys of `evaluation.mutations.scorers_of`.
        make: (right answer, case) -> damaged answer, or None where it does not apply or would mean the same.
        limit: why no code can notice it; empty where the scorer has to.
    """

    name: str
    falls: tuple[str, ...]
    make: Callable[[str, Mapping[str, Any]], str | None]
    limit: str = ""


def request_of(case: Mapping[str, Any]) -> str:
    """What the user asked last."""
    return str(case["messages"][-1]["content"])


def always(change: Callable[[str], str | None]) -> Callable[[str, Mapping[str, Any]], str | None]:
    """A damage that needs the answer alone."""
    return lambda text, _: change(text)


def half(text: str) -> str:
    """The first half of an answer, as a limit of tokens leaves it."""
    return text[: len(text) // 2]


SHAPELESS = (
    Mutation("empty answer", SHAPE, always(lambda _: "")),
    Mutation("only spaces", SHAPE, always(lambda _: " \n ")),
    Mutation("echo of the request", SHAPE, lambda _, case: request_of(case)),
    Mutation("answer inside a string", SHAPE, always(json.dumps)),
    Mutation("markdown fence", SHAPE, always(lambda text: f"```\n{text}\n```")),
    Mutation("prose before", SHAPE, always(lambda text: f"Sure, here it is:\n\n{text}")),
    Mutation("prose after", SHAPE, always(lambda text: f"{text}\n\nLet me know if you need anything else.")),
    Mutation("answer said twice", SHAPE, always(lambda text: f"{text}\n\n{text}")),
    Mutation("turn goes on", SHAPE, lambda text, case: f"{text}<|im_end|>\n<|im_start|>user\n{request_of(case)}"),
    Mutation("a word instead", SHAPE, always(lambda _: "Done.")),
    Mutation("null", SHAPE, always(lambda _: "null")),
    Mutation("refusal in prose", (*SHAPE, "help"), always(lambda _: PROSE_REFUSAL)),
    Mutation("refusal in capitals", (*SHAPE, "help"), always(lambda _: PROSE_REFUSAL.upper())),
    Mutation("refusal, then the answer", SHAPE, always(lambda text: f"{PROSE_REFUSAL}\n\n{text}")),
)
"""Damages that leave no task's form standing."""
JSON_SHAPELESS = (
    Mutation("JSON cut in half", SHAPE, always(half)),
    Mutation("last bracket lost", SHAPE, always(lambda text: text[:-1])),
    Mutation("comma after the last value", SHAPE, always(lambda text: f"{text[:-1]},}}")),
    Mutation("single quotes", SHAPE, always(lambda text: text.replace('"', "'"))),
    Mutation("object in a list", SHAPE, always(lambda text: f"[{text}]")),
    Mutation("object inside an object", SHAPE, always(lambda text: f'{{"answer":{text}}}')),
    Mutation("two objects", SHAPE, always(lambda text: text + text)),
    Mutation("everything in capitals", SHAPE, always(str.upper)),
    Mutation("no keys", SHAPE, always(lambda _: "{}")),
)
"""Damages to an answer that is a JSON object."""


def keys_in_capitals(text: str) -> str:
    """The object with its outer keys in capitals."""
    return compact({key.upper(): value for key, value in json.loads(text).items()})


def extra_key(text: str) -> str:
    """The object with a key that no schema has."""
    return compact({**json.loads(text), "note": "as you wished"})


def compact(value: Any) -> str:
    """A JSON value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
