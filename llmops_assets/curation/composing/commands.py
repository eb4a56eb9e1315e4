"""Composes labelled to-do requests from real parts; the same seed and parts give the same bytes.

One record: {"id": "composed-00017", "messages": [{user}, {assistant}], "source": "composed", "composed": true, ...}.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmops_assets.curation.composing import frames
from llmops_assets.storage.atomic import sha256_bytes

GENERATOR_VERSION = "1"
COPIED = frozenset({"title", "due", "repeat", "task"})
ACTIONS = {"create": 0.5, "update": 0.16, "complete": 0.11, "delete": 0.08, "list": 0.08, "ask": 0.05, "none": 0.02}


@dataclass(frozen=True)
class Parts:
    """What the slots are filled with: words that real people or projects wrote."""

    titles: tuple[str, ...]
    dues: tuple[str, ...]
    repeats: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class Composed:
    """A request and its label."""

    text: str
    answer: dict[str, str]
    group: str


def compose(parts: Parts, *, count: int, seed: int) -> list[dict[str, Any]]:
    """Composes `count` distinct records.

    Args:
        parts: the words to fill in.
        count: how many; fewer come where the parts do not give that many distinct texts.
        seed: decides everything.
    """
    rng = random.Random(seed)
    makers = {
        "create": _create, "update": _update, "complete": _complete, "delete": _delete,
        "list": _list, "ask": _ask, "none": _none,
    }  # fmt: skip
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    for _ in range(count * 3):
        if len(rows) == count:
            break
        action = rng.choices(list(ACTIONS), weights=list(ACTIONS.values()))[0]
        made = makers[action](rng, parts)
        if made.text.casefold() in seen:
            continue
        seen.add(made.text.casefold())
        rows.append(_record(len(rows), made))
    return rows


def _as_spelt(text: str, answer: dict[str, str]) -> dict[str, str]:
    """The answer with every copied part in the request's own capitals."""
    places = {key: text.casefold().find(word.casefold()) for key, word in answer.items() if key != "action"}
    return {
        key: text[places[key] : places[key] + len(word)] if places.get(key, -1) >= 0 and key in COPIED else word
        for key, word in answer.items()
    }


def _record(number: int, made: Composed) -> dict[str, Any]:
    answer = json.dumps(_as_spelt(made.text, made.answer), ensure_ascii=False, separators=(",", ":"))
    return {
        "id": f"composed-{number:05d}",
        "messages": [{"role": "user", "content": made.text}, {"role": "assistant", "content": answer}],
        "source": "composed",
        "license": "LicenseRef-Project",
        "group": f"composed-{sha256_bytes(made.group.casefold().encode())[:12]}",
        "category": made.answer["action"],
        "composed": True,
        "meta": {"generator": GENERATOR_VERSION},
    }


def _part(rng: random.Random, words: Sequence[str]) -> str:
    part = rng.choice(words)
    if rng.random() < 0.12:
        part = part.lower()
    if rng.random() < 0.05:
        part = _typo(rng, part)
    return part


def _typo(rng: random.Random, text: str) -> str:
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i - 1].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def _fill(frame: str, **slots: str) -> str:
    for name, value in slots.items():
        frame = frame.replace("{" + name + "}", value)
    return frame


def _dress(rng: random.Random, text: str) -> str:
    if rng.random() < 0.1:
        text = f"{rng.choice(frames.OPENERS)}{rng.choice([' ', ', '])}{text}"
    if rng.random() < 0.1:
        text = f"{text}{rng.choice([' ', ', '])}{rng.choice(frames.POLITE)}"
    if rng.random() < 0.3:
        text = text[:1].upper() + text[1:]
    if rng.random() < 0.2:
        text += rng.choice([".", "!", ".."])
    return text


def _create(rng: random.Random, parts: Parts) -> Composed:
    title = _part(rng, parts.titles)
    answer = {"action": "create", "title": title}
    text = _fill(rng.choice(frames.CREATE), title=title)
    draw = rng.random()
    if draw < 0.55:
        due = _part(rng, parts.dues)
        answer["due"] = due
        text = _fill(rng.choice(frames.WITH_DUE), base=text, due=due)
    elif draw < 0.68:
        repeat = _part(rng, parts.repeats)
        answer["repeat"] = repeat
        text = _fill(rng.choice(frames.WITH_REPEAT), base=text, repeat=repeat)
    if rng.random() < 0.28:
        level = rng.choices(["high", "low", "medium"], weights=[6, 3, 1])[0]
        text = _fill(rng.choice(frames.WITH_PRIORITY), base=text, prio=rng.choice(frames.PRIORITY[level]))
        answer["priority"] = level
    return Composed(_dress(rng, text), answer, title)


def _reference(rng: random.Random, parts: Parts) -> tuple[str, str]:
    """The words in the request, and the reference that the label holds."""
    if rng.random() < 0.35:
        number = str(rng.randrange(1, 140))
        return rng.choice(["task {n}", "#{n}", "task #{n}", "number {n}", "no. {n}", "{n}", "item {n}"]).format(
            n=number
        ), number
    name = _part(rng, parts.references)
    return rng.choice(["{n}", "the {n}", "the {n} task", "my {n} reminder", "{n}", "the {n} one"]).format(n=name), name


def _update(rng: random.Random, parts: Parts) -> Composed:
    said, name = _reference(rng, parts)
    frame, keys = rng.choice(frames.UPDATE)
    level = rng.choice(["high", "low", "medium"])
    slots = {"title": _part(rng, parts.titles), "due": _part(rng, parts.dues), "repeat": _part(rng, parts.repeats)}
    values = {**slots, "priority": level}
    answer = {"action": "update", "task": name}
    for key in keys:
        if key.startswith("="):
            answer["priority"] = key[1:]
        else:
            answer["priority" if key == "level" else key] = values["priority" if key == "level" else key]
    text = _fill(frame, task=said, level=level, **slots)
    return Composed(_dress(rng, text), answer, name)


def _complete(rng: random.Random, parts: Parts) -> Composed:
    said, name = _reference(rng, parts)
    text = _fill(rng.choice(frames.COMPLETE), task=said)
    return Composed(_dress(rng, text), {"action": "complete", "task": name}, name)


def _delete(rng: random.Random, parts: Parts) -> Composed:
    said, name = _reference(rng, parts)
    text = _fill(rng.choice(frames.DELETE), task=said)
    return Composed(_dress(rng, text), {"action": "delete", "task": name}, name)


def _list(rng: random.Random, parts: Parts) -> Composed:
    frame, filters = rng.choice(frames.LIST)
    due = _part(rng, parts.dues)
    answer = {"action": "list", **{key: _fill(value, due=due) for key, value in filters.items()}}
    return Composed(_dress(rng, _fill(frame, due=due)), answer, f"list {frame}")


def _ask(rng: random.Random, parts: Parts) -> Composed:
    frame, missing = rng.choice(frames.ASK)
    said, _ = _reference(rng, parts)
    text = _fill(frame, due=_part(rng, parts.dues), repeat=_part(rng, parts.repeats), task=said)
    return Composed(_dress(rng, text), {"action": "ask", "missing": missing}, f"ask {frame}")


def _none(rng: random.Random, parts: Parts) -> Composed:
    del parts
    text = rng.choice(frames.NONE)
    return Composed(_dress(rng, text), {"action": "none"}, f"none {text}")
