"""Answers that are asked for again, and the forms that they are then held to."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks import command, command_forms

ROOT = Path(__file__).resolve().parents[2]
REQUEST = 'reschedule Ana\'s "custody papers" (the thick ones) to next wednesday,  no rush'
LISTED = {"tasks": [{"id": 9, "title": "pay the rent"}, {"id": 31, "title": "feed Rex"}]}


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def text_of(**keys: Any) -> str:
    return command.to_text(keys)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        (text_of(action="update", task="custody papers", due="next wednesday"), True),
        (text_of(action="update", task="CUSTODY  papers", due="Next Wednesday"), True),
        (text_of(action="update", task="7", due="next wednesday"), True),
        (text_of(action="update", task="custal papers", due="next wednesday"), False),
        (text_of(action="update", task="papers custody", due="next wednesday"), False),
        (text_of(action="update", task="custody papers", due="wednesday next"), False),
        (text_of(action="update", task="custody papers", title=" "), False),
        (text_of(action="update", task="custody papers", description="no hurry"), False),
        (text_of(action="create", title="papers", repeat="every day"), False),
        (text_of(action="create", title="papers", priority="low"), True),
        (text_of(action="ask", missing="task"), True),
        (text_of(action="list", status="done"), True),
        (text_of(action="none"), True),
        (text_of(action="refuse"), True),
        ('{"action":"update","task":"custody papers"', False),
        ('{"action":"update","task":"custody papers"}', False),
        ("I can't help with that.", False),
        ("", False),
    ],
)
def test_an_answer_stands_where_it_is_whole_and_its_words_were_said(text: str, stands: bool) -> None:
    assert (command_forms.second_form(text, user(REQUEST), False) is None) is stands


def test_of_several_each_must_be_copied() -> None:
    acts = [{"action": "complete", "task": "12"}, {"action": "delete", "task": "rota"}]
    text = text_of(action="several", actions=acts)
    assert command_forms.second_form(text, user("twelve is done, scrap the rota one"), False) is None
    assert command_forms.second_form(text, user("twelve is done, scrap the roster one"), False) is not None


def test_a_refusal_stands_unless_the_guard_is_certain_and_then_none_is_let_out() -> None:
    refusal, asked = text_of(action="refuse"), user("kill the zombie process")
    assert command_forms.second_form(refusal, asked, False) is None
    form = command_forms.second_form(refusal, asked, True)
    assert form is not None
    assert not fits(form, refusal)
    assert fits(command_forms.form(asked, refusal=True), refusal)


def test_words_come_from_the_user_and_the_store_but_not_from_the_products_own_turns() -> None:
    before = [{"role": "assistant", "content": text_of(action="list", due="today")}]
    turns = [*user("anything due today?"), *before, {"role": "tool", "content": json.dumps(LISTED)}, *user("drop that")]
    assert command_forms.said(turns) == ["anything due today?", "drop that", "pay the rent", "feed Rex"]
    assert command_forms.copied({"action": "delete", "task": "the rent"}, turns)
    assert not command_forms.copied({"action": "delete", "task": "list"}, turns)
    assert command_forms.said([{"role": "tool", "content": "stored"}]) == ["stored"]


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ("milk", ["milk"]),
        ("buy milk.", ["buy", "buy milk.", "buy milk", "milk.", "milk"]),
        ('"Ana\'s"', ['"Ana\'s"', "Ana's\"", "\"Ana's", "Ana's", "Ana"]),
        ("- ,", ["- ,", "-", ","]),
        ("", []),
    ],
)
def test_spans_are_runs_of_words_with_and_without_the_marks_at_their_edges(run: str, found: list[str]) -> None:
    assert sorted(set(command_forms.spans(run))) == sorted(found)


def fits(form: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(form).is_valid(json.loads(text))


def test_a_form_lets_out_what_was_said_and_nothing_else() -> None:
    form = command_forms.form(user(REQUEST), refusal=True)
    update = {"action": "update", "task": "custody papers", "due": "next wednesday", "priority": "low"}
    create = {"action": "create", "title": "(the thick ones) to next"}
    assert all(
        fits(form, command.to_text(one))
        for one in (update, create, {**update, "task": "42"}, {"action": "several", "actions": [update, create]})
    )
    assert not any(
        fits(form, json.dumps(one))
        for one in (
            {**update, "task": "custal papers"},
            {**update, "task": "12345678"},
            {**update, "priority": "no rush"},
            {**update, "note": "no rush"},
            {"action": "update", "task": "custody papers"},
            {"action": "create", "due": "next wednesday"},
            {"action": "create", "title": "42"},
            {"action": "several", "actions": [update]},
            {"action": "several", "actions": [update] * 5},
            {"action": "several", "actions": [update, {"action": "none"}]},
            {"action": "dance"},
        )
    )


@pytest.mark.parametrize("words", [80, 400])
def test_of_a_long_request_only_the_shape_is_held(words: int) -> None:
    asked = user(" ".join(f"word{number}" for number in range(words)))
    form = command_forms.form(asked, refusal=True)
    assert fits(form, text_of(action="create", title="nobody said this")) is (words == 400)
    assert not fits(form, text_of(action="update", task="7"))
    assert len(json.dumps(form)) < 2**20


def test_runs_that_no_answer_can_hold_are_not_made() -> None:
    long = "b" * 200
    assert set(command_forms.spans(f"a {long} {long}c")) == {"a", long}
    assert list(command_forms.spans("!" * 20_000)) == []


@pytest.mark.parametrize("name", ["contract", "natural", "conversation", "several"])
def test_no_right_answer_of_the_evaluation_is_asked_for_again(name: str) -> None:
    cases = read_jsonl(ROOT / f"data/eval/TaskMaster/{name}.jsonl")
    again = [
        case["id"]
        for case in cases
        if command_forms.second_form(command.to_text(case["expected"]), case["messages"], False) is not None
    ]
    assert len(cases) >= 150
    assert again == []
