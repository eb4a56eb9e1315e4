from typing import Any

import pytest

from llmops_assets.tasks.answers import json_object, strict_value


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


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (' {"a":[{"b":1}]}\n', {"a": [{"b": 1}]}),
        ("null", None),
        ('{"a":1,"a":1}', None),
        ('{"a":{"b":1,"b":2}}', None),
        ('{"a":1} done', None),
        ("[" * 100_000, None),
        ("1" * 5000, None),
        ("", None),
    ],
    ids=["object", "null", "twice", "twice inside", "more", "nested", "long number", "empty"],
)
def test_a_strict_value_stands_alone_and_names_every_key_once(text: str, found: Any) -> None:
    assert strict_value(text) == found
