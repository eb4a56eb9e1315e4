"""Reviews that point where nothing of the kind stands, and the forms that they are then held to."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks import code_review, review_places

ROOT = Path(__file__).resolve().parents[2]
CODE = """def load(path, id, into=[], *, seen={}):
    import json
    global CACHE
    assert path
    l = [
        pair
        for pair in zip(into, seen)
    ]
    try:
        print("%s of %s" % (
            path, id))
    except ValueError:
        raise KeyError("{}".format(l))
    else:
        return json
"""


def review(*findings: tuple[int, str]) -> str:
    return code_review.to_text({"findings": [{"line": line, "rule": rule} for line, rule in findings]})


def asked(code: str = CODE) -> list[dict[str, str]]:
    return [{"role": "user", "content": code_review.build_prompt(code)}]


def test_every_rule_has_the_lines_where_its_kind_of_thing_stands() -> None:
    assert review_places.places(CODE) == {
        1: ("mutable default", "shadows builtin"),
        2: ("import inside function",),
        3: ("global statement",),
        4: ("assert in code",),
        5: ("unclear name",),
        7: ("zip without strict",),
        9: ("swallowed error",),
        10: ("leftover print", "old string formatting"),
        12: ("catches everything", "swallowed error"),
        13: ("old string formatting", "raise without from"),
        14: ("needless else",),
    }
    named = {rule for rules in review_places.places(CODE).values() for rule in rules}
    assert named == set(code_review.BY_NAME)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(a):\n    return a", {}),
        ("def f(a,\n      b=None,\n      *, c=()):\n    return a", {2: ("mutable default",), 3: ("mutable default",)}),
        ("def f(a):\n    return lambda x=[]: x", {2: ("mutable default",)}),
        ("def filter(self, id):\n    return id", {1: ("shadows builtin",)}),
        ("def filter(self):\n    return self", {}),
        ("def f(*list, **O):\n    return 0", {1: ("shadows builtin", "unclear name")}),
        ("def f(a):\n    from os import path as dir", {2: ("import inside function", "shadows builtin")}),
        ("def f(a):\n    class I:\n        x = 1", {2: ("unclear name",)}),
        ("def f(a):\n    if a:\n        return 1\n    elif a is None: return 2", {4: ("needless else",)}),
        ("def f(a):\n    return a.zip(a), a.print(a), len(a)", {}),
        ("def f(a):\n    return a % 2", {2: ("old string formatting",)}),
    ],
)
def test_places(code: str, found: dict[int, tuple[str, ...]]) -> None:
    assert review_places.places(code) == found


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        (review(), True),
        (review((4, "assert in code"), (7, "zip without strict")), True),
        (review((5, "zip without strict")), False),
        (review((4, "assert in code"), (13, "leftover print")), False),
        (review((18, "assert in code")), False),
        ('{"findings":[{"line":4', False),
        ("Looks good to me.", False),
        ("", False),
    ],
)
def test_a_review_stands_where_it_points_at_things_of_the_kind(text: str, stands: bool) -> None:
    form = review_places.second_form(text, asked(), False)
    assert (form is None) is stands
    assert review_places.second_form(text, [{"role": "user", "content": CODE}], True) == form


def test_what_is_no_function_is_not_asked_again() -> None:
    for text in ("tell me a joke", "def f(:", "x\0y"):
        assert review_places.second_form("broken", [{"role": "user", "content": text}], False) is None


def fits(form: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(form).is_valid(json.loads(text))


def test_a_form_lets_out_findings_at_these_places_and_no_others() -> None:
    form = review_places.form(review_places.places(CODE))
    for good in (review(), review((4, "assert in code")), review((1, "mutable default"), (1, "shadows builtin"))):
        assert fits(form, good)
    for bad in (review((4, "leftover print")), review((6, "unclear name")), review(*[(4, "assert in code")] * 5)):
        assert not fits(form, bad)
    assert not fits(form, '{"findings":[],"note":""}')
    nothing = review_places.form(review_places.places("def f(a):\n    return a"))
    assert fits(nothing, review())
    assert not fits(nothing, review((1, "mutable default")))


def test_no_right_review_is_asked_for_again() -> None:
    cases = read_jsonl(ROOT / "data/eval/CodeReviewer/contract.jsonl")
    rows = read_jsonl(ROOT / "data/raw/CodeReviewer/ruff_findings.jsonl")
    right = [(case["messages"], code_review.to_text(case["expected"])) for case in cases]
    right += [(row["messages"][:-1], row["messages"][-1]["content"]) for row in rows]
    assert len(right) > 6000
    assert not [text for messages, text in right if review_places.second_form(text, messages, False) is not None]


@pytest.mark.parametrize("term", ["-" * 7900 + "1", "not " * 3000 + "a"], ids=["minus", "not"])
def test_what_is_nested_too_deeply_is_no_function_and_is_not_asked_again(term: str) -> None:
    code = f"def f(a):\n    return {term}"
    diff = f"--- a/f.py\n+++ b/f.py\n@@ -0,0 +1,2 @@\n+def f(a):\n+    return {term}\n"
    assert code_review.unfit(code) == "expected one Python function, got text that does not parse"
    assert code_review.unfit(diff) == "expected a diff that adds to one whole Python function, got one that adds to 0"
    assert review_places.second_form("", asked(code), certain=False) is None
