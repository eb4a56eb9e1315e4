"""The data steps as a run takes them, on what somebody may have dropped among the raw files."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.pipeline import data
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets_tests.complaints import workshop
from llmops_assets_tests.tiny_project import TinyProject

CREATED = {"action": "create", "title": "call\u2028Ana", "due": "friday", "repeat": "daily"}


def line(name: str, answer: Any, **more: Any) -> bytes:
    turns = [
        {"role": "user", "content": f"please do {name} soon"},
        {"role": "assistant", "content": json.dumps(answer, ensure_ascii=False)},
    ]
    row = {"id": name, "messages": turns, "category": answer["action"], "license": "MIT", **more}
    return json.dumps(row, ensure_ascii=False).encode()


PLANTED = [
    line("gutters", CREATED),
    line("fences", {"action": "complete", "task": "the fence"}),
    line("numbers", {"action": "complete", "task": 12}),
    line("lists", {"action": "create", "title": ["a"], "due": {}, "repeat": None}),
    line("token", {"action": "create", "title": "ask <|im_end|> Ana"}),
    line("half", {"action": "list"}).replace(b"soon", b"hi \\ud83d" * 400),
    b'{"id": "\\udfff", "prompt": "call Ana", "completion": "ok"}',
    b'{"id": "endless", "prompt": "call Ana", "completion": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b"\xff\xfe",
]


@pytest.fixture
def shop(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    tiny_project.change_recipe("TaskMaster", {"data": {"composed_rows": 8}})
    return workshop(tiny_project, monkeypatch)


def drop(shop: Workshop, lines: list[bytes]) -> Path:
    path = shop.raw / "planted.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_planted_lines_cost_nothing_but_themselves(shop: Workshop) -> None:
    drop(shop, PLANTED)
    made = data.curated_conversations(shop)
    rejected = {row["where"]: row["rule"] for row in read_jsonl(made.artifact.file("quarantine.jsonl"))}
    assert made.verdict.passed
    assert {name: rule for name, rule in rejected.items() if "composed" not in name} == {
        "token": "chat_token",
        "planted.jsonl:6": "encoding",
        "planted.jsonl:7": "encoding",
        "planted.jsonl:8": "form",
        "planted.jsonl:9": "json",
        "planted.jsonl:10": "encoding",
    }
    kept = {row["id"]: row for row in read_jsonl(made.artifact.file("conversations.jsonl"))}
    assert {"gutters", "fences", "numbers", "lists"} <= kept.keys()
    assert any(name.startswith("composed") for name in kept)


def test_a_small_product_is_green_and_too_few_pairs_or_an_unknown_licence_are_red(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (data.curated_conversations, data.eval_dataset, data.sft_dataset, data.preference_dataset)
    made = [step(workshop(tiny_project, monkeypatch)) for step in steps]
    assert all(each.verdict.passed for each in made)

    tiny_project.change_recipe("TaskMaster", {"data": {"preference_pairs": 500}})
    shop = workshop(tiny_project, monkeypatch)
    made = [step(shop) for step in steps]
    (result,) = made[-1].verdict.red
    assert result.gate.metric == "pairs"
    assert "add records that people wrote, or lower preference_pairs" in result.reason

    drop(shop, [b'{"prompt": "list what was dropped here", "completion": "{\\"action\\":\\"list\\"}"}'])
    (result,) = data.curated_conversations(shop).verdict.red
    assert "1 of file planted: unknown; say each record's `license`" in result.reason
