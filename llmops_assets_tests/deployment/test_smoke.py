"""What counts as a right answer to a smoke test."""

import pytest

from llmops_assets.deployment.smoke import check_answer
from llmops_assets.recipes.deployment import SmokeTest

CREATE = '{"action":"create","title":"call Ana","due":"Friday"}'


@pytest.mark.parametrize(
    ("expect", "contains", "text", "reason"),
    [
        ({"action": "create"}, "", CREATE, ""),
        ({"action": "create", "title": "Call  ana"}, "", CREATE, ""),
        ({}, "CALL ana", CREATE, ""),
        ({}, "", "anything", ""),
        ({}, "", "  \n", "empty"),
        ({"action": "delete"}, "", CREATE, "expected action 'delete', got 'create'"),
        ({"priority": "high"}, "", CREATE, "got None"),
        ({"action": "create"}, "", f"Sure! {CREATE}", "expected a JSON object"),
        ({"action": "create"}, "", f"[{CREATE}]", "expected a JSON object"),
        ({"count": "2"}, "", '{"count":2}', ""),
        ({}, "Bob", CREATE, "expected 'Bob'"),
        ({"action": "create"}, "Bob", CREATE, "expected 'Bob'"),
    ],
)
def test_an_answer_is_judged_by_what_it_says(expect: dict[str, str], contains: str, text: str, reason: str) -> None:
    found = check_answer(SmokeTest(prompt="x", expect=expect, contains=contains), text)
    assert reason in found
    assert bool(found) == bool(reason)
