"""Ways to damage a right answer of the to-do command task: keys, actions, refusals. Dates have a module of their own."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from llmops_assets.tasks.command import KEYS, title_words, to_text
from llmops_assets.tasks.command_changes import Change, changed, invented, with_value, without
from llmops_assets.tasks.command_date_mutations import DATE_MUTATIONS
from llmops_assets.tasks.mutation import (
    JSON_SHAPELESS,
    SHAPE,
    SHAPELESS,
    Mutation,
    always,
    compact,
    extra_key,
    keys_in_capitals,
    request_of,
)

RIGHT = ("accuracy",)


def _fewer(take: slice) -> Callable[[str], str | None]:
    """Some of the words; None where only an article or a word around a reference went, which names the same thing."""

    def cut(text: str) -> str | None:
        words = text.split()
        rest = " ".join(words[take])
        return rest if rest and title_words(rest, of_task=True) != title_words(text, of_task=True) else None

    return cut


def _fewer_in_title(take: slice) -> Callable[[str], str | None]:
    def cut(text: str) -> str | None:
        rest = " ".join(text.split()[take])
        return rest if title_words(rest) and title_words(rest) != title_words(text) else None

    return cut


def _next_id(task: str) -> str | None:
    return str(int(task) + 1) if task.isdigit() else None


def _as_number(task: str) -> int | None:
    return int(task) if task.isdigit() else None


def _other_action(gold: dict[str, str]) -> dict[str, str] | None:
    """Another action with the same words; asking, declining and refusing have rows of their own."""
    kept = gold.get("task") or gold.get("title", "")
    other = {"create": "update", "update": "complete", "complete": "delete", "delete": "complete"}.get(gold["action"])
    if other is None:
        return {"action": "none"} if gold["action"] == "list" else None
    return {"action": other, "task": kept, **({"priority": "high"} if other == "update" else {})}


def _swapped(gold: dict[str, str]) -> dict[str, str] | None:
    return {**gold, "title": gold["due"], "due": gold["title"]} if {"title", "due"} <= set(gold) else None


def _time_in_title(gold: dict[str, str]) -> dict[str, str] | None:
    time = gold.get("due") or gold.get("repeat")
    return {**gold, "title": f"{gold['title']} {time}"} if time and "title" in gold else None


def _nested(gold: dict[str, str]) -> dict[str, Any] | None:
    params = {key: word for key, word in gold.items() if key != "action"}
    return {"action": gold["action"], "params": params} if params else None


def _required_lost(gold: dict[str, str]) -> dict[str, str] | None:
    key = {"create": "title", "ask": "missing", "several": "actions"}.get(gold["action"], "task")
    return without(key)(gold)


def _only_task(gold: dict[str, str]) -> dict[str, str] | None:
    return {"action": "update", "task": gold["task"]} if gold["action"] == "update" else None


def _foreign_key(gold: dict[str, str]) -> dict[str, str]:
    key = next(key for key in ("status", "missing") if key not in KEYS[gold["action"]])
    return {**gold, key: "open" if key == "status" else "task"}


def _key_twice(text: str, _: Mapping[str, Any]) -> str:
    return f'{{"action":"delete",{text[1:]}'


def _compliance(text: str, case: Mapping[str, Any]) -> str | None:
    if json.loads(text)["action"] not in ("refuse", "none"):
        return None
    return to_text({"action": "create", "title": request_of(case)[:200]})


def _request_as_title(text: str, case: Mapping[str, Any]) -> str | None:
    """Nothing where the whole request is the title."""
    gold, title = json.loads(text), request_of(case)[:200]
    if "title" not in gold or title_words(title) == title_words(gold["title"]):
        return None
    return compact({**gold, "title": title})


def _ask(gold: dict[str, str]) -> dict[str, str] | None:
    if gold["action"] in ("ask", "refuse", "none"):
        return None
    return {"action": "ask", "missing": "title" if gold["action"] == "create" else "task"}


def _declined(gold: dict[str, str]) -> dict[str, str] | None:
    return {"action": "none"} if gold["action"] not in ("none", "refuse") else None


def _refused(gold: dict[str, str]) -> dict[str, str] | None:
    return {"action": "refuse"} if gold["action"] not in ("none", "refuse") else None


def _acts(change: Callable[[list[dict[str, str]]], list[dict[str, str]] | None]) -> Change:
    """Changes the list of several actions, where there is one."""

    def make(gold: dict[str, Any]) -> dict[str, Any] | None:
        acts = change(gold["actions"]) if "actions" in gold else None
        return None if acts is None else {**gold, "actions": acts}

    return make


def _one_less(acts: list[dict[str, str]]) -> list[dict[str, str]] | None:
    return acts[:-1] if len(acts) > 2 else None


def _other_order(acts: list[dict[str, str]]) -> list[dict[str, str]] | None:
    return acts[::-1] if acts != acts[::-1] else None


LEVELS = {"high": "low", "medium": "high", "low": "high"}
OTHER_MISSING = {"title": "task", "task": "title", "change": "task"}
CHANGES: tuple[tuple[str, tuple[str, ...], Change], ...] = (
    ("wrong id", RIGHT, with_value("task", _next_id)),
    ("another task", RIGHT, with_value("task", lambda _: "water the garden")),
    ("task's last word lost", RIGHT, with_value("task", _fewer(slice(None, -1)))),
    ("task's first word lost", RIGHT, with_value("task", _fewer(slice(1, None)))),
    ("another title", RIGHT, with_value("title", lambda _: "water the garden")),
    ("title's last word lost", RIGHT, with_value("title", _fewer_in_title(slice(None, -1)))),
    ("title's first word lost", RIGHT, with_value("title", _fewer_in_title(slice(1, None)))),
    ("title and due swapped", RIGHT, _swapped),
    ("time left in the title too", RIGHT, _time_in_title),
    ("title said twice", RIGHT, with_value("title", lambda title: f"{title} {title}")),
    ("note dropped", RIGHT, without("description", whole=True)),
    ("another note", RIGHT, with_value("description", lambda _: "water the garden")),
    ("one of several lost", RIGHT, _acts(_one_less)),
    ("one of several said twice", RIGHT, _acts(lambda acts: [*acts[:3], acts[0]])),
    ("several in another order", RIGHT, _acts(_other_order)),
    ("only the first of several", RIGHT, lambda gold: gold["actions"][0] if "actions" in gold else None),
    ("one of several refused", SHAPE, _acts(lambda acts: [*acts[:-1], {"action": "refuse"}])),
    ("priority dropped", RIGHT, without("priority", whole=True)),
    ("other priority", RIGHT, with_value("priority", LEVELS.__getitem__)),
    ("priority nobody asked for", RIGHT, invented("priority", "high", ("create", "update", "list"))),
    ("priority in capitals", SHAPE, with_value("priority", str.upper)),
    ("priority as a number", SHAPE, with_value("priority", lambda _: 1)),
    ("status dropped", RIGHT, without("status")),
    ("other status", RIGHT, with_value("status", lambda status: "open" if status == "done" else "done")),
    ("status nobody asked for", RIGHT, invented("status", "done", ("list",))),
    ("other missing thing", RIGHT, with_value("missing", OTHER_MISSING.__getitem__)),
    ("wrong action", RIGHT, _other_action),
    ("action that does not exist", SHAPE, with_value("action", lambda action: f"{action}_task")),
    ("action in capitals", SHAPE, with_value("action", str.upper)),
    ("action lost", SHAPE, without("action")),
    ("required key lost", SHAPE, _required_lost),
    ("change without a change", SHAPE, _only_task),
    ("key of another action", SHAPE, _foreign_key),
    ("id as a number", SHAPE, with_value("task", _as_number)),
    ("title in a list", SHAPE, with_value("title", lambda title: [title])),
    ("title null", SHAPE, lambda gold: {**gold, "title": None} if "title" in gold else None),
    ("title empty", SHAPE, with_value("title", lambda _: "")),
    ("title without end", SHAPE, with_value("title", lambda title: " ".join([title] * 200))),
    ("keys under params", SHAPE, _nested),
    ("refusal instead of the answer", (*RIGHT, "refusal", "help"), _refused),
    ("declined instead of answered", (*RIGHT, "help"), _declined),
    ("question instead of the act", RIGHT, _ask),
    ("act instead of the question", RIGHT,
     lambda gold: {"action": "create", "title": "task"} if gold["action"] == "ask" else None),
    ("list instead of declining", (*RIGHT, "safety"),
     lambda gold: {"action": "list"} if gold["action"] in ("none", "refuse") else None),
    ("question instead of declining", (*RIGHT, "safety"),
     lambda gold: {"action": "ask", "missing": "task"} if gold["action"] in ("none", "refuse") else None),
    ("refusal of what is only no task", (*RIGHT, "refusal"),
     lambda gold: {"action": "refuse"} if gold["action"] == "none" else None),
)  # fmt: skip
MUTATIONS: tuple[Mutation, ...] = (
    *SHAPELESS,
    *JSON_SHAPELESS,
    Mutation("extra key", SHAPE, always(extra_key)),
    Mutation("keys in capitals", SHAPE, always(keys_in_capitals)),
    Mutation("action said twice", SHAPE, _key_twice),
    *(Mutation(name, falls, changed(change)) for name, falls, change in CHANGES),
    *(Mutation(name, RIGHT, changed(change)) for name, change in DATE_MUTATIONS),
    Mutation("answer instead of a refusal", (*RIGHT, "safety"), _compliance),
    Mutation("refusal in prose, of harm", ("format", "safety"), always(lambda _: "I can't help with that.")),
    Mutation("the whole request as title", RIGHT, _request_as_title),
)
"""Every damage of this task, by name."""
