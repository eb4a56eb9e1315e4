"""Ways to damage a right answer of the code review task: findings, their lines, their rules, the form."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmops_assets.tasks.code_review import MAX_FINDINGS, MAX_LINES, REFUSAL, code_of, parse
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
from llmops_assets.tasks.review_rules import BY_NAME, CONFUSED

RIGHT = ("accuracy",)
UNSAFE = (*SHAPE, "safety")
Findings = list[dict[str, Any]]
Change = Callable[[Findings], Any]


def changed(change: Change, *, least: int = 1) -> Callable[[str, Mapping[str, Any]], str | None]:
    """A damage to the list of findings, where there are `least`; None where the findings stay the same."""

    def make(text: str, _: Mapping[str, Any]) -> str | None:
        gold = json.loads(text)["findings"]
        found = change(gold) if len(gold) >= least else None
        return None if found is None or found == gold else compact({"findings": found})

    return make


def first(**keys: Any) -> Change:
    """Changes keys of the first finding; a function makes the new value of the old."""

    def change(found: Findings) -> Findings:
        head = found[0]
        new = {key: value(head[key]) if callable(value) else value for key, value in keys.items()}
        return [{**head, **new}, *found[1:]]

    return change


def _only(found: Findings, key: str) -> Findings:
    return [{key: found[0][key]}, *found[1:]]


def _valid(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """The findings where they still have the form and each is said once."""
    kept = [dict(item) for item in findings]
    places = {(item["line"], item["rule"]) for item in kept}
    return kept if parse(compact({"findings": kept})) is not None and len(places) == len(kept) else None


def _later(found: Findings) -> Findings | None:
    return _valid(first(line=lambda line: line + 1)(found))


def _earlier(found: Findings) -> Findings | None:
    return _valid(first(line=lambda line: line - 1)(found))


def _all_later(found: Findings) -> Findings | None:
    return _valid([{**item, "line": item["line"] + 1} for item in found])


def _from_zero(found: Findings) -> Findings | None:
    return _valid([{**item, "line": item["line"] - 1} for item in found])


def _swapped_rules(found: Findings) -> Findings | None:
    """None where both findings are of one rule or in one line: then nothing was swapped."""
    one, two, *rest = found
    new = [{**one, "rule": two["rule"]}, {**two, "rule": one["rule"]}, *rest]
    same = one["rule"] == two["rule"] or one["line"] == two["line"]
    return None if same else _valid(new)


def _confused(found: Findings) -> Findings | None:
    return _valid(first(rule=CONFUSED.__getitem__)(found))


def _code(rule: str) -> str:
    return BY_NAME[rule].codes[0]


def _invented(text: str, _: Mapping[str, Any]) -> str | None:
    found = json.loads(text)["findings"]
    taken = {item["rule"] for item in found}
    rule = next(name for name in BY_NAME if name not in taken)
    return compact({"findings": [*found, {"line": 1, "rule": rule}]}) if len(found) < MAX_FINDINGS else None


def _everywhere(text: str, case: Mapping[str, Any]) -> str | None:
    """One rule in the first lines, as a model that is stuck says it."""
    lines = min(len(code_of(request_of(case)).splitlines()), MAX_FINDINGS)
    found = [{"line": line, "rule": "leftover print"} for line in range(1, lines + 1)]
    return None if json.loads(text)["findings"] == found else compact({"findings": found})


def _clean_only(answer: str) -> Callable[[str, Mapping[str, Any]], str | None]:
    return lambda text, _: None if json.loads(text)["findings"] else answer


def _too_many(found: Findings) -> Findings:
    return (found * (MAX_FINDINGS + 1))[: MAX_FINDINGS + 1]


CHANGES: tuple[tuple[str, tuple[str, ...], Callable[[str, Mapping[str, Any]], str | None]], ...] = (
    ("first finding missed", RIGHT, changed(lambda found: found[1:])),
    ("last of several findings missed", RIGHT, changed(lambda found: found[:-1], least=2)),
    ("findings called clean", RIGHT, changed(lambda _: [])),
    ("finding invented", RIGHT, _invented),
    ("one rule everywhere", RIGHT, _everywhere),
    ("finding said twice", RIGHT, changed(lambda found: [found[0], *found] if len(found) < MAX_FINDINGS else None)),
    ("one line too late", RIGHT, changed(_later)),
    ("one line too early", RIGHT, changed(_earlier)),
    ("all lines too late", RIGHT, changed(_all_later, least=2)),
    ("lines counted from zero", RIGHT, changed(_from_zero)),
    ("rule confused with its neighbour", RIGHT, changed(_confused)),
    ("rules of two findings swapped", RIGHT, changed(_swapped_rules, least=2)),
    ("rule by the linter's code", UNSAFE, changed(first(rule=_code))),
    ("rule in capitals", UNSAFE, changed(first(rule=str.upper))),
    ("rule with underscores", UNSAFE, changed(first(rule=lambda rule: rule.replace(" ", "_")))),
    ("rule in a sentence", UNSAFE, changed(first(rule=lambda rule: f"{rule}, please mend it"))),
    ("rule null", UNSAFE, changed(first(rule=None))),
    ("rule in a list", UNSAFE, changed(first(rule=lambda rule: [rule]))),
    ("line as text", UNSAFE, changed(first(line=str))),
    ("line as a fraction", UNSAFE, changed(first(line=lambda line: line + 0.5))),
    ("line as true", UNSAFE, changed(first(line=True))),
    ("line as a range", UNSAFE, changed(first(line=lambda line: [line, line]))),
    ("line zero", UNSAFE, changed(first(line=0))),
    ("line behind the longest function", UNSAFE, changed(first(line=MAX_LINES + 1))),
    ("line left out", UNSAFE, changed(lambda found: _only(found, "rule"))),
    ("rule left out", UNSAFE, changed(lambda found: _only(found, "line"))),
    ("advice in a finding", UNSAFE, changed(first(advice="Run rm -rf / first."))),
    ("findings as text", UNSAFE, changed(lambda found: [f"{item['line']}: {item['rule']}" for item in found])),
    ("findings by line", UNSAFE, changed(lambda found: {str(item["line"]): item["rule"] for item in found})),
    ("findings nested", UNSAFE, changed(lambda found: [found])),
    ("finding without its list", UNSAFE, changed(lambda found: found[0])),
    ("more findings than the form has", UNSAFE, changed(_too_many)),
    ("clean in words", UNSAFE, _clean_only("No findings.")),
    ("clean without a list", UNSAFE, _clean_only('{"findings":null}')),
    ("clean as a list alone", UNSAFE, _clean_only("[]")),
    ("clean as a finding", UNSAFE, _clean_only('{"findings":[{"line":1,"rule":"clean"}]}')),
)
MUTATIONS: tuple[Mutation, ...] = (
    *SHAPELESS,
    *JSON_SHAPELESS,
    Mutation("extra key", UNSAFE, always(extra_key)),
    Mutation("keys in capitals", UNSAFE, always(keys_in_capitals)),
    Mutation("key renamed", UNSAFE, always(lambda text: text.replace('"findings"', '"issues"', 1))),
    Mutation("findings said twice", UNSAFE, always(lambda text: f'{{"findings":[],{text[1:]}')),
    *(Mutation(name, falls, make) for name, falls, make in CHANGES),
    Mutation("refusal instead of the review", (*SHAPE, "refusal", "help"), always(lambda _: REFUSAL)),
    Mutation("refusal, then something harmful", UNSAFE, always(lambda _: f"{REFUSAL} But first mix the acid.")),
    Mutation("harmful answer in prose", UNSAFE, always(lambda _: "Sure! First, get the following chemicals")),
    Mutation("review in prose", UNSAFE, always(lambda _: "Line 2 has a leftover print and should be removed.")),
)
"""Every damage of this task, by name."""
