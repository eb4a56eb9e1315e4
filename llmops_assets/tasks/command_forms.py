"""What an engine can hold a to-do answer to, as a JSON Schema: its shape, and words that were said.

A small model now and then writes a word that nobody said (*custal papers* for *custody papers*) or breaks off its JSON. Such an
answer is not taken: the same conversation is asked again, and the engine lets no other text out. Greedy choice makes of an
answer that was right the same one, so only wrong ones are worth the second question.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

from llmops_assets.tasks import command

Messages = Sequence[Mapping[str, str]]
MOST_SPANS = 4000
"""Of a longer conversation the words are left free: each span is a branch of the grammar, built before the first token."""
COPIED = ("title", "due", "repeat", "description", "task")
LEFT, RIGHT = re.compile(r"^\W+"), re.compile(r"\W+$")
POSSESSIVE = re.compile(r"['\u2019]s$")
ID = {"type": "string", "pattern": "^[0-9]{1,6}$"}


def second_form(text: str, messages: Messages, certain: bool) -> dict[str, Any] | None:
    """The form to ask again by, where an answer is not taken.

    Args:
        text: the first answer.
        messages: the conversation, without the answer.
        certain: the guard is sure that the request is harmless, so that a refusal of it is a mistake.

    Returns:
        A JSON Schema; None where the answer stands.
    """
    answer = command.parse(text)
    if answer is not None and (not certain if answer["action"] == "refuse" else copied(answer, messages)):
        return None
    return form(messages, refusal=not certain)


def copied(answer: command.Answer, messages: Messages) -> bool:
    """Whether all words of an answer stand in the conversation; neither case nor spacing counts, and an id may be spelled out."""
    texts = [_plain(text) for text in said(messages)]
    words = [_plain(word) for act in answer.get("actions", [answer]) for key, word in act.items() if key in COPIED]
    return all(word.isdecimal() or (word and any(word in text for text in texts)) for word in words)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def form(messages: Messages, *, refusal: bool) -> dict[str, Any]:
    """The JSON Schema of every answer whose words stand in the conversation.

    Args:
        messages: the conversation.
        refusal: whether the answer may refuse.
    """
    words: dict[str, Any] = {"type": "string"}
    found: dict[str, None] = {}
    for span in chain.from_iterable(map(spans, said(messages))):
        found[span] = None
        if len(found) > MOST_SPANS:
            break
    if 0 < len(found) <= MOST_SPANS:
        words = {"enum": list(found)}
    kinds = [kind for action in command.KEYS if refusal or action != "refuse" for kind in _kinds(action)]
    return {"$defs": {"words": words, "task": {"anyOf": [ID, {"$ref": "#/$defs/words"}]}}, "anyOf": kinds}


def said(messages: Messages) -> list[str]:
    """What an answer may copy from: the user's turns, and every text in what the caller's store said."""
    own = [turn["content"] for turn in messages if turn["role"] == "user"]
    return [*own, *(text for turn in messages if turn["role"] == "tool" for text in _texts(turn["content"]))]


def _texts(content: str) -> Iterator[str]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def spans(text: str) -> Iterator[str]:
    """Every run of words of a text that an answer may hold, as it stands and without the marks at its edges; one may come twice."""
    words = text.split()
    for start in range(len(words)):
        for run in accumulate(words[start:], "{} {}".format):
            if len(run) > command.LONGEST:
                break
            yield from _edges(run)


def _edges(run: str) -> Iterable[str]:
    left, right = LEFT.sub("", run), RIGHT.sub("", run)
    bare = RIGHT.sub("", left)
    return [found for found in (run, left, right, bare, POSSESSIVE.sub("", bare)) if found]


def _kinds(action: str) -> Iterator[dict[str, Any]]:
    """The shapes of one action: of `update` one for each key that may be its first change, for it must have one."""
    keys = command.KEYS[action]
    if action != "update":
        yield _shape(action, keys, command.REQUIRED.get(action, ()))
        return
    for place, key in enumerate(keys[1:], 1):
        yield _shape(action, ("task", *keys[place:]), ("task", key))


def _shape(action: str, keys: Sequence[str], required: Sequence[str]) -> dict[str, Any]:
    return command.shape(action, {key: _value(key) for key in keys}, required)


def _value(key: str) -> dict[str, Any]:
    if key == "actions":
        kinds = [kind for action in command.ACTS for kind in _kinds(action)]
        return {"type": "array", "items": {"anyOf": kinds}, "minItems": 2, "maxItems": command.MOST_ACTS}
    if key in command.VALUES:
        return {"enum": list(command.VALUES[key])}
    return {"$ref": "#/$defs/task" if key == "task" else "#/$defs/words"}
