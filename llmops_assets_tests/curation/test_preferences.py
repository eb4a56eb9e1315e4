"""Pairs: damaged answers of even categories, a model's own wrong answers spread among them, each proven."""

from collections import Counter
from typing import Any

import pytest

from llmops_assets.curation.preferences import HELPED, OWN, Pair, build_pairs

CASES = [
    {"id": f"c{number}", "messages": [{"role": "user", "content": f"add {number}"}], "expected": number}
    for number in range(60)
]


def damaged(messages: list[dict[str, str]], gold: int) -> list[tuple[str, str]]:
    return [(HELPED, "no"), ("one_more", str(gold + 1)), ("one_less", str(gold - 1))]


def passes(text: str, case: dict[str, Any]) -> bool:
    return text == str(case["expected"])


def pairs(own: dict[str, str], share: float, count: int = 40) -> list[Pair]:
    return build_pairs(
        CASES,
        damage=damaged,
        chosen=lambda case: str(case["expected"]),
        passes=passes,
        count=count,
        legitimate_share=0.15,
        seed=1,
        own=own,
        own_share=share,
    )


def test_without_own_answers_all_are_composed_and_the_innocent_are_helped() -> None:
    found = pairs({}, 0.5)
    counts = Counter(pair.category for pair in found)
    assert counts == {HELPED: 6, "one_more": 17, "one_less": 17}
    assert all(pair.proven for pair in found)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 10), (0.5, 20)])
def test_so_many_wrong_sides_are_a_model_s_own_as_the_share_allows(share: float, expected: int) -> None:
    said = {case["id"]: f"I think {case['id']}" for case in CASES}
    found = pairs(said, share)
    own = [pair for pair in found if pair.category == OWN]
    assert (len(own), len(found)) == (expected, 40)
    assert all(pair.proven and pair.rejected == said[pair.id.removeprefix("pair-")] for pair in own)
    assert len({pair.id for pair in found}) == 40
    assert sum(pair.category == OWN for pair in found[:20]) == expected / 2


def test_a_right_or_empty_answer_is_no_wrong_side() -> None:
    right = {case["id"]: str(case["expected"]) for case in CASES[:30]}
    assert not [
        pair for pair in pairs({**right, **{case["id"]: " " for case in CASES[30:]}}, 0.5) if pair.category == OWN
    ]


def test_the_count_holds_also_where_own_answers_come_last() -> None:
    assert len(pairs({case["id"]: "wrong" for case in CASES}, 0.5, count=1)) == 1
