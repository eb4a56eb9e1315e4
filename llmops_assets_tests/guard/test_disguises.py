"""Odd spellings by value: what each does to a word, and that a text keeps the rest of its words."""

import random
from collections.abc import Callable

import pytest

from llmops_assets.guard import disguises
from llmops_assets.guard.rules import fold

WORD = "poison"


def made(spelling: Callable[[str, random.Random], str]) -> set[str]:
    return {spelling(WORD, random.Random(seed)) for seed in range(80)}


@pytest.mark.parametrize(
    ("spelling", "forms"),
    [
        (disguises.swapped, {"pioson", "posion", "poiosn", "poisno"}),
        (disguises.dropped, {"pison", "poson", "poion", "poisn", "poiso"}),
        (disguises.doubled, {"ppoison", "pooison", "poiison", "poisson", "poisoon"}),
        (disguises.spaced, {"p o i s o n", "p-o-i-s-o-n", "p.o.i.s.o.n"}),
        (disguises.split, {"po ison", "po-ison", "poi son", "poi-son", "pois on", "pois-on"}),
        (disguises.without_vowels, {"psn"}),
        (disguises.backwards, {"nosiop"}),
        (disguises.as_it_sounds, {"poison", "poizon"}),
    ],
)
def test_a_spelling_has_these_forms(spelling: Callable[[str, random.Random], str], forms: set[str]) -> None:
    assert made(spelling) == forms


def test_digits_and_signs_stand_for_letters() -> None:
    assert {form.translate(str.maketrans("015", "ois")) for form in made(disguises.leet)} == {WORD}
    assert "p015 0n".replace(" ", "") in made(disguises.leet)
    for form in made(disguises.masked):
        (sign,) = set(form) & set("*#_.@")
        assert len(form) == len(WORD)
        assert form.index(sign) not in (0, len(WORD) - 1)


@pytest.mark.parametrize("spelling", [disguises.leet, disguises.spaced])
def test_what_the_rules_fold_reads_as_the_word(spelling: Callable[[str, random.Random], str]) -> None:
    assert {fold(form) for form in made(spelling)} == {WORD}


def test_up_to_three_long_words_change_and_nothing_else() -> None:
    text = "buy oil, then wash the kitchen windows at 10:30"
    kept = ("buy oil, ", " the ", " at 10:30")
    forms = [disguises.disguised(text, random.Random(seed)) for seed in range(200)]
    assert all(form.startswith(kept[0]) and form.endswith(kept[2]) and kept[1] in form for form in forms)
    changed = [sum(word not in form for word in ("then", "wash", "kitchen", "windows")) for form in forms]
    assert max(changed) == disguises.MOST
    assert sum(changed) > len(forms)


def test_the_same_seed_gives_the_same_spelling_and_short_words_stay() -> None:
    text = "put the poison in the kettle"
    assert disguises.disguised(text, random.Random(4)) == disguises.disguised(text, random.Random(4)) != text
    assert disguises.disguised("fix it at 5 pm", random.Random(4)) == "fix it at 5 pm"
