"""Functions of real packages with what the linter finds in them: CodeReviewer's records.

One record: {"id": "review-3f...", "messages": [{user: "1: def ..."}, {assistant: '{"findings":[]}'}], ...}.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked
from llmops_assets.curation.collecting.code_packages import FOLDERS, REVIEW_EVAL, REVIEW_TRAIN
from llmops_assets.curation.collecting.functions import SourceFunction, codes_in, functions_in
from llmops_assets.curation.collecting.undone_fixes import UNDO, undone
from llmops_assets.storage.atomic import sha256_bytes
from llmops_assets.tasks import code_review
from llmops_assets.tasks.review_labels import Review, label
from llmops_assets.tasks.review_rules import RULES

MAX_CHARACTERS = 560
SHARE_OF_PACKAGE = 0.25
PER_MODULE = 12
SPARE, TRIES = 2, 3
"""Functions with a fix undone: made for each that is wanted, and tried for each that is made."""
NEAR_MISS = re.compile(
    r"\bexcept\b|\belse\b|\bzip\(|%|\.format\(|\bf\"|\bf'|\braise\b|\bassert\w+|=None|\bglobals?\b|\bprint|\bimport\b"
)


@dataclass(frozen=True)
class Quotas:
    """How many functions to keep: per rule, and clean ones."""

    per_rule: Mapping[str, int]
    clean: int


TRAIN_QUOTAS = Quotas(
    {rule.name: 400 for rule in RULES}
    | {"needless else": 450, "unclear name": 480, "leftover print": 500, "old string formatting": 550}
    | {"shadows builtin": 800},
    clean=2600,
)
"""More of what is learnt last: rules that hang on one name, or on one sign among many alike."""
EVAL_QUOTAS = Quotas({rule.name: 31 for rule in RULES}, 190)


@dataclass(frozen=True)
class Labelled:
    """A function with its review, and which carrier it came from; `undone`: a fix was taken out of it."""

    function: SourceFunction
    review: Review
    carrier: Carrier
    undone: bool = False

    @property
    def rules(self) -> frozenset[str]:
        """Names of the rules that it breaks."""
        return frozenset(item["rule"] for item in self.review["findings"])


def fits(function: SourceFunction) -> bool:
    """Whether the function is short enough for the product."""
    return code_review.MIN_LINES <= function.lines <= code_review.MAX_LINES and len(function.code) <= MAX_CHARACTERS


def choose(pool: Sequence[Labelled], quotas: Quotas) -> list[Labelled]:
    """A balanced choice by contents only: rare rules first, then clean ones, half of them near misses.

    Code as people left it comes before code with a fix undone. No package gives more than a quarter of the records
    of one rule, unless nothing else is left.
    """
    ordered = sorted(pool, key=lambda one: (one.undone, sha256_bytes(one.function.code.encode())))
    supply = supply_of(ordered)
    chosen: dict[str, Labelled] = {}
    modules: Counter[str] = Counter()
    for rule in sorted(quotas.per_rule, key=lambda name: (supply[name], name)):
        have = sum(rule in one.rules for one in chosen.values())
        fitting = [one for one in ordered if rule in one.rules]
        _take(fitting, quotas.per_rule[rule] - have, chosen, modules)
    clean = [one for one in ordered if not one.rules]
    near = [one for one in clean if NEAR_MISS.search(one.function.code)]
    _take(near, quotas.clean // 2, chosen, modules)
    _take(clean, quotas.clean - quotas.clean // 2, chosen, modules)
    return sorted(chosen.values(), key=lambda one: sha256_bytes(one.function.code.encode()))


def supply_of(pool: Iterable[Labelled]) -> Counter[str]:
    """How many functions break each rule."""
    return Counter(rule for one in pool for rule in one.rules)


def with_undone(pool: Sequence[Labelled], quotas: Quotas) -> list[Labelled]:
    """The pool, with clean functions turned into broken ones for the rules that it breaks too seldom."""
    supply = supply_of(pool)
    left = sorted((one for one in pool if not one.rules), key=lambda one: sha256_bytes(one.function.code.encode()))
    made: list[Labelled] = []
    for rule in sorted(UNDO, key=lambda name: (supply[name], name)):
        found, left = _undo(left, rule, SPARE * (quotas.per_rule.get(rule, 0) - supply[rule]))
        made += found
    return [*(one for one in pool if one.rules), *left, *made]


def _undo(clean: list[Labelled], rule: str, wanted: int) -> tuple[list[Labelled], list[Labelled]]:
    """At most `wanted` functions that the linter finds this rule broken in and nothing else; and the clean ones left."""
    tries: list[tuple[Labelled, str]] = []
    for one in clean:
        if len(tries) >= TRIES * wanted:
            break
        texts = undone(one.function.code, rule)
        tries += [(one, texts[len(one.function.code) % len(texts)])] if texts else []
    labels = label([text for _, text in tries]) if tries else []
    found: list[Labelled] = []
    used: set[str] = set()
    for (one, text), review in zip(tries, labels, strict=True):
        changed = replace(one, function=replace(one.function, code=text), review=review, undone=True)
        if len(found) < wanted and fits(changed.function) and [item["rule"] for item in review["findings"]] == [rule]:
            found.append(changed)
            used.add(one.function.code)
    return found, [one for one in clean if one.function.code not in used]


def _take(fitting: Sequence[Labelled], wanted: int, chosen: dict[str, Labelled], modules: Counter[str]) -> None:
    packages: Counter[str] = Counter()
    taken = 0
    for share in (SHARE_OF_PACKAGE, 1.0):
        for one in fitting:
            code, module = one.function.code, one.function.module
            full = packages[one.function.package] >= max(1, share * wanted) or modules[module] >= PER_MODULE
            if taken >= wanted or code in chosen or full:
                continue
            chosen[code] = one
            modules[module] += 1
            packages[one.function.package] += 1
            taken += 1


def pool_of(carriers: Iterable[Carrier], cache: Path, progress: Progress) -> list[Labelled]:
    """All functions of the packages that fit, each text once, labelled."""
    found: dict[str, tuple[SourceFunction, Carrier]] = {}
    for carrier in carriers:
        folder = unpacked(carrier, cache, progress)
        for function in functions_in(folder, FOLDERS.get(carrier.name, carrier.name)):
            if fits(function):
                found.setdefault(function.code, (function, carrier))
    progress(f"lint {len(found)} functions")
    reviews = label(list(found))
    pairs = zip(found.values(), reviews, strict=True)
    limit = code_review.MAX_FINDINGS
    return [
        Labelled(function, review, carrier) for (function, carrier), review in pairs if len(review["findings"]) <= limit
    ]


def record(one: Labelled) -> dict[str, Any]:
    """A training record."""
    request = code_review.build_prompt(one.function.code)
    return {
        **_origin(one, request),
        "messages": [
            {"role": "user", "content": request},
            {"role": "assistant", "content": code_review.to_text(one.review)},
        ],
        "composed": False,
    }


def case(one: Labelled) -> dict[str, Any]:
    """An evaluation case."""
    request = code_review.build_prompt(one.function.code)
    return {
        **_origin(one, request),
        "messages": [{"role": "user", "content": request}],
        "expected": one.review,
    }


def _origin(one: Labelled, request: str) -> dict[str, Any]:
    return {
        "id": f"review-{sha256_bytes(request.encode())[:12]}",
        "source": f"{one.carrier.source} with a fix undone" if one.undone else one.carrier.source,
        "license": one.carrier.license,
        "package": one.carrier.name,
        "group": one.function.group,
        "category": min(one.rules) if one.rules else "clean",
        "meta": {"function": one.function.name, "rules": sorted(one.rules)},
    }


def collect_train(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """Training records: functions as people left them, and with a fix undone where a rule is seldom broken."""
    held_out = codes_in(REVIEW_EVAL, FOLDERS, cache, progress)
    pool = [one for one in pool_of(REVIEW_TRAIN, cache, progress) if one.function.code not in held_out]
    progress("undo fixes for the rules that are seldom broken")
    return [record(one) for one in choose(with_undone(pool, TRAIN_QUOTAS), TRAIN_QUOTAS)]


def collect_eval(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """Held-out cases, from packages that no training record comes from."""
    return [case(one) for one in choose(pool_of(REVIEW_EVAL, cache, progress), EVAL_QUOTAS)]
