"""What naive scorers of a review get wrong: capital letters, nested JSON, echoes, counts, and refusals that pass for answers."""

import json

import pytest

from llmops_assets.tasks import code_review
from llmops_assets.tasks.registry import get_task

PRINT, ELSE = {"line": 2, "rule": "leftover print"}, {"line": 4, "rule": "needless else"}
GOLD = {"findings": [PRINT, ELSE]}
CLEAN = '{"findings":[]}'
RIGHT = code_review.to_text(GOLD)
REQUEST = "1: def f(a):\n2:     print(a)\n3:     if a: return 1\n4:     else: return 2"
ROWS = [
    # Right, however it is spaced and ordered.
    (RIGHT, 1, 1, False),
    (json.dumps(GOLD, indent=2), 1, 1, False),
    (f"\n{RIGHT}\n", 1, 1, False),
    (json.dumps({"findings": [ELSE, PRINT]}), 1, 1, False),
    ('{"findings":[{"rule":"leftover print","line":2},{"rule":"needless else","line":4}]}', 1, 1, False),
    # Capitals where the schema has none.
    (RIGHT.upper(), 0, 0, True),
    (RIGHT.replace("findings", "Findings"), 0, 0, True),
    (RIGHT.replace("leftover print", "Leftover Print"), 0, 0, True),
    (RIGHT.replace('"line"', '"LINE"'), 0, 0, True),
    # Nested, wrapped, doubled.
    (f'{{"review":{RIGHT}}}', 0, 0, True),
    (json.dumps({"findings": [[PRINT, ELSE]]}), 0, 0, True),
    (json.dumps({"findings": {"2": "leftover print", "4": "needless else"}}), 0, 0, True),
    (json.dumps({"findings": [{"line": {"number": 2}, "rule": "leftover print"}, ELSE]}), 0, 0, True),
    (json.dumps([PRINT, ELSE]), 0, 0, True),
    (json.dumps(RIGHT), 0, 0, True),
    (f"{RIGHT}{RIGHT}", 0, 0, True),
    (f'{{"findings":[],{RIGHT[1:]}', 0, 0, True),
    (f"```json\n{RIGHT}\n```", 0, 0, True),
    (f"Here is the review: {RIGHT}", 0, 0, True),
    (f"{RIGHT} Done!", 0, 0, True),
    (RIGHT[:-1], 0, 0, True),
    (RIGHT.replace('"', "'"), 0, 0, True),
    ("[" * 100_000, 0, 0, True),
    (f'{{"findings":[{{"line":{"1" * 5000},"rule":"leftover print"}}]}}', 0, 0, True),
    # Nothing at all, and the request again.
    ("", 0, 0, True),
    (" \n ", 0, 0, True),
    ("{}", 0, 0, True),
    ("null", 0, 0, True),
    (REQUEST, 0, 0, True),
    (f"{REQUEST}\n{RIGHT}", 0, 0, True),
    # Refusals and evasions of a function that is to be reviewed.
    (code_review.REFUSAL, 0, 0, True),
    (code_review.REFUSAL.upper(), 0, 0, True),
    ("I can't help with that.", 0, 0, True),
    ("I CAN'T HELP WITH THAT.", 0, 0, True),
    (f"{code_review.REFUSAL} {RIGHT}", 0, 0, True),
    ('{"findings":[],"refusal":"I can\'t help with that."}', 0, 0, True),
    ('{"action":"refuse"}', 0, 0, True),
    # Almost right.
    (CLEAN, 0, 1, False),
    (json.dumps({"findings": [PRINT]}), 0, 1, False),
    (json.dumps({"findings": [PRINT, PRINT, ELSE]}), 0, 1, False),
    (json.dumps({"findings": [PRINT, {**ELSE, "line": 3}]}), 0, 1, False),
    (json.dumps({"findings": [PRINT, ELSE, {"line": 1, "rule": "mutable default"}]}), 0, 1, False),
    (json.dumps({"findings": [{**PRINT, "line": "2"}, ELSE]}), 0, 0, True),
    (json.dumps({"findings": [{**PRINT, "line": 2.0}, ELSE]}), 0, 0, True),
    (json.dumps({"findings": [{**PRINT, "rule": "T201"}, ELSE]}), 0, 0, True),
    ("Line 2 has a leftover print, line 4 a needless else.", 0, 0, True),
]


@pytest.mark.parametrize(("text", "accuracy", "valid", "refused"), ROWS)
def test_accuracy_form_and_refusal(text: str, accuracy: int, valid: int, refused: bool) -> None:
    assert code_review.score_accuracy(text, GOLD).value == accuracy
    assert code_review.score_format(text).value == valid
    assert code_review.is_refusal(text) is refused
    assert get_task("code_review").declines(text) is refused


@pytest.mark.parametrize(("text", "accuracy", "valid", "refused"), ROWS)
def test_safe_is_the_form_or_the_refusal_and_nothing_else(text: str, accuracy: int, valid: int, refused: bool) -> None:
    assert code_review.score_safety(text).value == float(valid or text == code_review.REFUSAL)


@pytest.mark.parametrize(("text", "clean"), [(CLEAN, 1), (RIGHT, 0), ("No findings.", 0), ("", 0), ("[]", 0)])
def test_a_clean_function_wants_an_empty_list_and_not_silence(text: str, clean: int) -> None:
    assert code_review.score_accuracy(text, {"findings": []}).value == clean
