"""CodeReviewer's task: labels by the linter, answers judged by line and rule."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from llmops_assets.storage.atomic import read_json, read_jsonl
from llmops_assets.tasks import code_review
from llmops_assets.tasks.review_labels import Review, label
from llmops_assets.tasks.review_rules import BY_NAME, CONFUSED, RULES

DATA = Path(__file__).parents[2] / "data"
BROKEN = {
    "assert in code": ("def f(a):\n    assert a\n    return a", 2),
    "catches everything": (
        "def f(a):\n    try:\n        return a()\n    except Exception:\n        return a",
        4,
    ),
    "global statement": ("def f(a):\n    global total\n    total = a", 2),
    "import inside function": ("def f(a):\n    import json\n    return json.dumps(a)", 2),
    "leftover print": ("def f(a):\n    print(a)\n    return a", 2),
    "mutable default": ("def f(a=[]):\n    b = a\n    return b + a", 1),
    "needless else": ("def f(a):\n    if a:\n        return 1\n    else:\n        return 2", 4),
    "old string formatting": ("def f(a):\n    b = '%s!' % a\n    return b + b", 2),
    "raise without from": (
        "def f(a):\n    try:\n        a()\n    except KeyError:\n        raise OSError('x')",
        5,
    ),
    "shadows builtin": ("def f(type):\n    b = type\n    return b + b", 1),
    "swallowed error": ("def f(a):\n    try:\n        a()\n    except KeyError:\n        pass", 4),
    "unclear name": ("def f(a):\n    l = a\n    return l + l", 2),
    "zip without strict": ("def f(a, b):\n    c = zip(a, b)\n    return [*c, *c]", 2),
}
GOLD = {"findings": [{"line": 2, "rule": "leftover print"}, {"line": 4, "rule": "needless else"}]}
REQUEST = "1: def f(a):\n2:     print(a)\n3:     if a: return 1\n4:     else: return 2"


def test_the_linter_finds_every_rule_in_its_place() -> None:
    reviews = label([code for code, _ in BROKEN.values()])
    found = {
        name: [(item["line"], item["rule"]) for item in review["findings"]]
        for name, review in zip(BROKEN, reviews, strict=True)
    }
    assert found == {name: [(line, name)] for name, (_, line) in BROKEN.items()}


def test_every_rule_has_an_example_and_something_it_is_mixed_up_with() -> None:
    assert set(BROKEN) == set(BY_NAME) == set(CONFUSED)
    assert len(RULES) == 13
    assert all(name != other for name, other in CONFUSED.items())


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def filter(self, a):\n    return a", []),
        ("async def filter(\n    self, id\n):\n    return id", [2]),
        ("def filter(self, id):\n    return id", [1]),
        ("def f(a):\n    def id(b):\n        return b\n    return id(a)", [2]),
        ("def f(a):\n    input = a\n    return input", [2]),
    ],
)
def test_a_function_s_own_name_hides_nothing(code: str, lines: list[int]) -> None:
    assert label([code]) == [{"findings": [{"line": line, "rule": "shadows builtin"} for line in lines]}]


def test_a_swallowed_broad_error_is_named_once_by_place() -> None:
    code = "def f(a):\n    try:\n        a()\n    except Exception:\n        pass"
    assert label([code]) == [
        {"findings": [{"line": 4, "rule": "catches everything"}, {"line": 4, "rule": "swallowed error"}]}
    ]


def test_comments_to_the_linter_change_no_label() -> None:
    assert label(["def f(a):\n    print(a)  # noqa\n    return a"])[0]["findings"]


def test_lines_are_numbered_and_the_numbers_come_off_again() -> None:
    code = "    def f(a):\n        return {1: a}"
    prompt = code_review.build_prompt(code)
    assert prompt == "1: def f(a):\n2:     return {1: a}"
    assert code_review.code_of(prompt) == "def f(a):\n    return {1: a}"
    assert code_review.code_of("def f(a):\n    return a") == "def f(a):\n    return a"


@pytest.mark.parametrize(
    ("request_text", "reason"),
    [
        (REQUEST, ""),
        ("def f():\n    return 1", ""),
        ("Give me a recipe for pancakes", "does not parse"),
        ("x = 1", "something else"),
        ("def f():\n" + "    g()\n" * 18, "at most 18 lines"),
    ],
)
def test_what_is_no_short_function_is_turned_away(request_text: str, reason: str) -> None:
    said = code_review.unfit(request_text)
    assert reason in said
    assert bool(said) == bool(reason)


@pytest.mark.parametrize(
    "text",
    [
        "no findings", "[]", "{}", '{"findings":{}}', '{"findings":[{"line":2}]}',
        '{"findings":[],"note":"x"}',
        '{"findings":[{"line":"2","rule":"leftover print"}]}',
        '{"findings":[{"line":true,"rule":"leftover print"}]}',
        '{"findings":[{"line":0,"rule":"leftover print"}]}', '{"findings":[{"line":2,"rule":"F401"}]}',
        '{"findings":[]} Done.', '```json\n{"findings":[]}\n```',
    ],
)  # fmt: skip
def test_anything_but_one_valid_object_has_no_format(text: str) -> None:
    assert code_review.parse(text) is None
    assert code_review.score_format(text).value == 0
    assert code_review.score_accuracy(text, {"findings": []}).value == 0
    assert code_review.score_safety(text).value == 0


@pytest.mark.parametrize(
    ("answer", "value", "said"),
    [
        (GOLD, 1, "every finding"),
        ({"findings": list(reversed(GOLD["findings"]))}, 1, "every finding"),
        ({"findings": GOLD["findings"][:1]}, 0, "missed needless else in line 4"),
        (
            {"findings": [*GOLD["findings"], {"line": 1, "rule": "mutable default"}]},
            0,
            "invented mutable default",
        ),
        ({"findings": []}, 0, "missed leftover print in line 2, needless else in line 4"),
    ],
)
def test_accuracy_wants_exactly_the_findings(answer: Review, value: float, said: str) -> None:
    score = code_review.score_accuracy(json.dumps(answer), GOLD)
    assert score.value == value
    assert said in score.explanation


def test_a_wrong_line_costs_accuracy_but_not_the_rules() -> None:
    moved = code_review.to_text({"findings": [{"line": 3, "rule": "leftover print"}, GOLD["findings"][1]]})
    assert code_review.score_accuracy(moved, GOLD).value == 0
    assert code_review.score_rules(moved, GOLD).value == 1


@pytest.mark.parametrize("gold", [GOLD, {"findings": []}, {"findings": GOLD["findings"][:1]}])
def test_every_damaged_answer_is_valid_wrong_and_named(gold: Review) -> None:
    damaged = code_review.damage(REQUEST, gold)
    assert damaged
    assert len({text for _, text in damaged}) == len(damaged)
    for category, text in damaged:
        assert category
        assert code_review.score_format(text).value == (category != "false_refusal")
        assert code_review.score_accuracy(text, gold).value == 0
    assert damaged[0] == ("false_refusal", code_review.REFUSAL)


def test_the_refusal_is_safe_and_says_what_the_product_can_do() -> None:
    assert code_review.score_safety(code_review.REFUSAL).value == 1
    assert code_review.is_refusal(code_review.REFUSAL)
    envelope = code_review.to_envelope(code_review.REFUSAL, datetime(2026, 3, 4))
    assert (envelope["action"], envelope["message"]) == ("refuse", code_review.REFUSAL)


def test_the_envelope_puts_the_worst_first_and_gives_advice() -> None:
    text = '{"findings":[{"line":2,"rule":"leftover print"},{"line":4,"rule":"swallowed error"}]}'
    envelope = code_review.to_envelope(text, datetime(2026, 3, 4))
    assert [item["severity"] for item in envelope["params"]["findings"]] == ["high", "low"]
    assert envelope["message"] == "2 findings."
    assert code_review.to_envelope("oops", datetime(2026, 3, 4))["success"] is False


DIFF = """diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -40,7 +40,9 @@ class Cart:
         return self.items

     def pair(self, prices):
-        return list(prices)
+        print(prices)
+        pairs = zip(self.items, prices)
+        return pairs

     def __len__(self):
         return len(self.items)
"""


def test_a_fix_comes_with_a_finding_that_code_can_mend() -> None:
    text = '{"findings":[{"line":1,"rule":"mutable default"},{"line":3,"rule":"catches everything"}]}'
    request = "1: def f(a=[]):\n2:     try: return a[0]\n3:     except: return a"
    mended, open_ = code_review.to_envelope(text, datetime(2026, 3, 4), request)["params"]["findings"]
    assert mended["fix"] == {"first": 1, "last": 1, "text": "def f(a=None):\n    if a is None:\n        a = []"}
    assert "fix" not in open_


def test_of_a_diff_the_function_is_asked_and_the_new_file_s_lines_are_told() -> None:
    prompt = code_review.build_prompt(code_review.code_of(DIFF))
    assert prompt.splitlines()[:2] == ["1: def pair(self, prices):", "2:     print(prices)"]
    assert code_review.unfit(DIFF) == ""
    said = code_review.to_text(label([code_review.code_of(DIFF)])[0])
    envelope = code_review.to_envelope(said, datetime(2026, 3, 4), DIFF)
    first, second = envelope["params"]["findings"]
    assert (first["path"], first["line"], first["rule"]) == ("shop/cart.py", 44, "zip without strict")
    assert first["fix"] == {
        "first": 44,
        "last": 44,
        "text": "        pairs = zip(self.items, prices, strict=False)",
    }
    assert (second["line"], second["rule"], second["fix"]) == (
        43,
        "leftover print",
        {"first": 43, "last": 43, "text": ""},
    )


def test_of_a_diff_only_what_it_adds_is_told() -> None:
    said = '{"findings":[{"line":1,"rule":"shadows builtin"},{"line":2,"rule":"leftover print"}]}'
    envelope = code_review.to_envelope(said, datetime(2026, 3, 4), DIFF)
    assert [found["line"] for found in envelope["params"]["findings"]] == [43]
    assert envelope["message"] == "1 finding. 1 more in lines that the diff leaves as they are."


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        (DIFF.replace("def pair(self, prices):", "pairs = 3"), "adds to 0"),
        (DIFF.replace("-        return list(prices)\n", ""), "cannot be read"),
        (
            DIFF.replace("         return len(self.items)", "+        return len(self.items)").replace(
                "7 +40,9", "6 +40,9"
            ),
            "adds to 2",
        ),
    ],
)
def test_a_diff_with_no_or_two_functions_is_turned_away(diff: str, reason: str) -> None:
    assert reason in code_review.unfit(diff)


def test_the_schema_file_is_the_code_s_schema_and_agrees_with_parse() -> None:
    schema = read_json(DATA / "CodeReviewer/schema.json")
    assert schema == code_review.schema()
    validator = Draft202012Validator(schema)
    for text in (code_review.to_text(GOLD), '{"findings":[]}', "{}", '{"findings":[{"line":2,"rule":"x"}]}'):
        assert validator.is_valid(json.loads(text)) == (code_review.parse(text) is not None)


def test_the_task_page_holds_every_rule_and_a_true_example() -> None:
    page = (DATA / "CodeReviewer/TASK.md").read_text(encoding="utf-8")
    assert all(f"| `{rule.name}` | {rule.severity} |" in page for rule in RULES)
    request, answer = page.split("```")[1].strip().split("\n\n")
    assert code_review.to_text(label([code_review.code_of(request)])[0]) == answer


@pytest.mark.parametrize("path", ["raw/CodeReviewer/ruff_findings.jsonl", "eval/CodeReviewer/contract.jsonl"])
def test_vendored_records_are_labelled_as_the_linter_labels_them_now(path: str) -> None:
    rows = read_jsonl(DATA / path)
    requests = [row["messages"][0]["content"] for row in rows]
    golds = [row["expected"] if "expected" in row else code_review.parse(row["messages"][1]["content"]) for row in rows]
    assert label([code_review.code_of(request) for request in requests]) == golds
    assert not any(code_review.unfit(request) for request in requests)


def test_an_answer_comes_apart_by_rule() -> None:
    text = '{"findings":[{"line":4,"rule":"leftover print"},{"line":2,"rule":"leftover print"},{"line":1,"rule":"mutable default"}]}'
    assert code_review.fields(text) == {"mutable default": "line 1", "leftover print": "line 2, 4"}
    assert code_review.fields("free text") == {}
