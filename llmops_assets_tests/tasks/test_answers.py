from typing import Any

import pytest

from llmops_assets.tasks.answers import json_object


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"action":"list"}', {"action": "list"}),
        ("[1]", {}),
        ("a docstring", {}),
        ('{"action":', {}),
        ("[" * 100_000, {}),
        ("", {}),
        (None, {}),
    ],
    ids=["object", "list", "words", "cut", "nested", "empty", "nothing"],
)
def test_only_an_object_is_one(text: Any, found: dict[str, Any]) -> None:
    assert json_object(text) == found
