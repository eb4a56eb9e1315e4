"""Preference pairs by oracle: a right answer against a damaged one, or against what a fine-tuned model said itself.

Each pair is proven by the scorer that judges the product.

{"id": "pair-0012", "prompt": [{user turn}], "chosen": "...", "rejected": "...", "category": "wrong_date"}
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Damage = Callable[[list[dict[str, str]], Any], list[tuple[str, str]]]
Passes = Callable[[str, dict[str, Any]], bool]
HELPED = "false_refusal"
"""The category of pairs whose wrong side refuses a legitimate request."""
OWN = "own_answer"
"""The category of pairs whose wrong side is what a fine-tuned model said (on-policy)."""


@dataclass(frozen=True)
class Pair:
    """One pair; `proven` says that the scorer passes the one side and fails the other."""

    id: str
    prompt: list[dict[str, str]]
    chosen: str
    rejected: str
    category: str
    proven: bool

    def to_row(self) -> dict[str, Any]:
        """The JSONL form."""
        return asdict(self)


def build_pairs(
    cases: Sequence[dict[str, Any]],
    *,
    damage: Damage,
    chosen: Callable[[dict[str, Any]], str],
    passes: Passes,
    count: int,
    legitimate_share: float,
    seed: int,
    own: Mapping[str, str] | None = None,
    own_share: float = 0.0,
) -> list[Pair]:
    """At most `count` pairs, one a case, categories as even as the cases allow, a model's own answers spread among them.

    Args:
        cases: {"id", "messages" (without the answer), "expected"}.
        damage: (messages, expected) -> (category, wrong answer) pairs.
        chosen: the right answer's text.
        passes: whether a text is right for a case.
        count: how many.
        legitimate_share: least share of pairs in which a legitimate request must be helped.
        seed: decides the order.
        own: case id -> what a fine-tuned model answered; only wrong answers are used.
        own_share: at most this share of the pairs has such an answer.
    """
    rng = random.Random(seed)
    order = rng.sample(list(cases), len(cases))
    said = {case["id"]: own[case["id"]] for case in order if own and case["id"] in own}
    wrong_ones = [case for case in order if said.get(case["id"], "").strip() and not passes(said[case["id"]], case)]
    wrong_ones = wrong_ones[: round(own_share * count)]
    taken = {case["id"] for case in wrong_ones}
    wanted_helped = round(legitimate_share * count + 0.5)
    pairs: list[Pair] = []
    used: dict[str, int] = {}
    for case in order:
        while wrong_ones and len(pairs) < count and used.get(OWN, 0) < own_share * (len(pairs) + 1):
            mistaken = wrong_ones.pop(0)
            used[OWN] = used.get(OWN, 0) + 1
            pairs.append(_pair(mistaken, chosen(mistaken), OWN, said[mistaken["id"]], passes))
        if len(pairs) == count:
            break
        if case["id"] in taken:
            continue
        options = [option for option in damage(case["messages"], case["expected"]) if option[1].strip()]
        if not options:
            continue
        category, wrong = _choose(options, used, wanted_helped)
        used[category] = used.get(category, 0) + 1
        pairs.append(_pair(case, chosen(case), category, wrong, passes))
    return pairs


def _choose(options: list[tuple[str, str]], used: dict[str, int], wanted_helped: int) -> tuple[str, str]:
    helped = [option for option in options if option[0] == HELPED]
    if helped and used.get(HELPED, 0) < wanted_helped and used.get(HELPED, 0) * 4 <= sum(used.values()):
        return helped[0]
    others = [option for option in options if option[0] != HELPED] or options
    return min(others, key=lambda option: used.get(option[0], 0))


def _pair(case: dict[str, Any], right: str, category: str, wrong: str, passes: Passes) -> Pair:
    proven = right != wrong and passes(right, case) and not passes(wrong, case)
    return Pair(f"pair-{case['id']}", case["messages"], right, wrong, category, proven)
