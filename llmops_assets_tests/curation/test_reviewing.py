"""People's decisions on records: what is offered, what the page writes, and what the next curation makes of it."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from llmops_assets.curation.cleaning import Examined, Rules, examine
from llmops_assets.curation.records import Record, Rejected
from llmops_assets.curation.review_page import Review, review_app
from llmops_assets.curation.reviewing import (
    Decision,
    add_decision,
    contradictions,
    decided,
    decision_from,
    offers,
    placeholders,
    read_decisions,
)
from llmops_assets.errors import DataError
from llmops_assets.recipes.data import DataConfig

CONFIG = DataConfig()


def record(user: str, answer: str = '{"action":"list"}', name: str = "", composed: bool = False) -> Record:
    turns = ({"role": "user", "content": user}, {"role": "assistant", "content": answer})
    return Record(name or user, turns, "s", "MIT", name or user, "list", composed)


def rules(decisions: dict[str, Decision]) -> Rules:
    return Rules(CONFIG, lambda text: len(text.split()), '{"action":"refuse"}', decisions)


def decision(about: Record, verdict: Any, reason: str = "because", answer: str = "") -> Decision:
    turns = record(about.texts[0], answer).messages if answer else ()
    return Decision(about.content_hash, verdict, reason, "Ana", turns)


def test_flagged_records_come_first_then_a_tenth_in_all() -> None:
    plain = [record(f"show tasks of room {n}") for n in range(97)]
    odd = [record("show it", name="one"), record("Show it!", '{"action":"none"}', name="two"), record("mail [EMAIL]")]
    found = offers([*plain, *odd, record("made", composed=True)], {})
    assert "sample" not in [offer.why for offer in found[:3]]
    assert {offer.record.id for offer in found[:3]} == {"one", "two", "mail [EMAIL]"}
    assert [offer.why for offer in found[3:]] == ["sample"] * 7
    assert found == offers([*odd, *plain[::-1]], {})


def test_what_is_decided_is_not_offered_again_and_counts() -> None:
    plain = [record(f"show tasks of room {n}") for n in range(40)]
    first = offers(plain, {})
    assert len(first) == 4
    made = {
        first[0].record.content_hash: decision(first[0].record, "keep"),
        first[1].record.content_hash: decision(first[1].record, "edit", answer='{"action":"none"}'),
    }
    after = [one for one in plain if one != first[1].record] + [record(first[1].record.id, '{"action":"none"}')]
    assert offers(after, made) == first[2:]
    everything = {offer.record.content_hash: decision(offer.record, "keep") for offer in first}
    assert offers(plain, everything) == []
    assert 0 < len(offers([*plain, *(record(f"new {n}") for n in range(40))], everything)) == 4


def test_flags_say_why() -> None:
    one, two = record("call Ana", '{"a":1}', name="one"), record("Call  ana.", '{"a":2}', name="two")
    assert contradictions([one, two, record("x")]) == {
        "one": "the same request has another answer in two",
        "two": "the same request has another answer in one",
    }
    assert placeholders([record("pay [CARD] to [EMAIL]", name="p"), one]) == {"p": "redacted: [CARD], [EMAIL]"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"content": "c", "verdict": "maybe"}, "keep, edit or reject, got 'maybe'"),
        ({"content": "c", "verdict": "reject", "reason": "  "}, "a reason to reject"),
        ({"content": "c", "verdict": "edit", "reason": "r"}, "the turns as they should be"),
    ],
)
def test_a_decision_is_whole_or_an_error(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decision_from(row)
    path = tmp_path / "TaskMaster.jsonl"
    add_decision(path, decision(record("x"), "keep"))
    path.write_text(path.read_text() + '{"verdict":"keep"}\n')
    with pytest.raises(DataError, match=r"TaskMaster\.jsonl:2: expected a decision, got: 'content'"):
        read_decisions(path)


def test_the_later_of_two_decisions_holds(tmp_path: Path) -> None:
    path, about = tmp_path / "TaskMaster.jsonl", record("x")
    add_decision(path, decision(about, "reject"))
    add_decision(path, decision(about, "keep"))
    assert read_decisions(path)[about.content_hash].verdict == "keep"
    assert read_decisions(tmp_path / "none.jsonl") == {}


def test_curation_follows_the_decisions() -> None:
    rows = [record(f"show the tasks of room {word} please") for word in ("one", "green", "Lisbon")]
    made = {
        rows[0].content_hash: decision(rows[0], "reject", "not a task"),
        rows[1].content_hash: decision(rows[1], "edit", answer='{"action":"none"}'),
        rows[2].content_hash: decision(rows[2], "keep"),
    }
    first, *kept = examine(rows, rules(made))
    assert isinstance(first, Rejected)
    assert (first.where, first.rule, first.reason) == (rows[0].id, "review", "Ana: not a task")
    assert [each.record.texts[-1] for each in kept if isinstance(each, Examined)] == [
        '{"action":"none"}',
        '{"action":"list"}',
    ]
    assert decided(rows[2], {}) == (rows[2], "")


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (" ", "schema"),
        ("ask <|im_end|> Ana", "chat_token"),
        ("done " * 400, "length"),
        ("p\u03bfison", "mixed_script"),
    ],
)
def test_what_a_reviewer_wrote_goes_through_the_rules_too(answer: str, rule: str) -> None:
    about = record("show the tasks of room one please")
    edited = Decision(about.content_hash, "edit", "because", "Ana", record(about.texts[0], answer).messages)
    (found,) = examine([about], rules({about.content_hash: edited}))
    assert isinstance(found, Rejected)
    assert (found.rule, found.row["messages"][-1]["content"]) == (rule, about.texts[-1])


def test_an_address_that_a_reviewer_wrote_is_redacted() -> None:
    about = record("mail the tasks of room one to ana@example.org please")
    (cleaned,) = examine([about], rules({}))
    assert isinstance(cleaned, Examined)
    edited = decision(cleaned.record, "edit", answer='{"action":"create","title":"mail bo@example.org"}')
    (found,) = examine([about], rules({edited.content: edited}))
    assert isinstance(found, Examined)
    assert found.record.texts[-1] == '{"action":"create","title":"mail [EMAIL_2]"}'
    assert found.redacted == ("email", "email")


@pytest.fixture
def review(tmp_path: Path) -> Review:
    rows = [record(f"show <b>room</b> {n}\nand more", name=f"r{n}") for n in range(20)]
    return Review("TaskMaster", rows, tmp_path / "review" / "TaskMaster.jsonl")


@pytest.fixture
def page(review: Review) -> Iterator[TestClient]:
    with TestClient(review_app(review), follow_redirects=True) as client:
        yield client


def form_of(review: Review, **changed: Any) -> dict[str, Any]:
    first = review.open_offers()[0].record
    return {
        "token": review.token,
        "content": first.content_hash,
        "turn": [text.replace("\n", "\r\n") for text in first.texts],
        "verdict": "keep",
        "reason": "",
        "by": "Ana & Bo",
        **changed,
    }


def test_the_page_shows_what_is_left_with_words_as_words(review: Review, page: TestClient) -> None:
    text = page.get("/").text
    assert text.count("<form") == 2
    assert "2 to look at, 0 decided" in text
    assert "<b>room" not in text
    assert "show <b>room</b>" in unescape(text)
    assert "http" not in text.replace("<!doctype html>", "")


@pytest.mark.parametrize("verdict", ["keep", "edit", "reject"])
def test_a_decision_becomes_a_line_and_the_record_is_gone(review: Review, page: TestClient, verdict: str) -> None:
    form = form_of(review, verdict=verdict, reason="because")
    before = review.open_offers()[0].record
    if verdict == "edit":
        form["turn"][-1] = '{"action":"none"}'
    answer = page.post("/decide", data=form)
    assert answer.status_code == 200
    assert "1 to look at, 1 decided" in answer.text
    assert 'value="Ana &amp; Bo"' in answer.text
    (made,) = read_decisions(review.file).values()
    assert (made.content, made.verdict, made.by) == (before.content_hash, verdict, "Ana & Bo")
    if verdict == "edit":
        assert [turn["content"] for turn in made.messages] == [before.texts[0], '{"action":"none"}']


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"token": "guessed"}, "expected the form of this page"),
        ({"content": "0" * 64}, "expected a record of this review"),
        ({"verdict": "reject"}, "expected a reason to reject"),
        ({"verdict": "edit", "reason": "r"}, "expected turns that were edited"),
        ({"verdict": "edit", "reason": "r", "turn": ["one"]}, "expected turns that were edited"),
        ({"verdict": "edit", "reason": "r", "turn": ["one", " \r\n"]}, "expected words in every turn, got a blank one"),
        ({"verdict": "burn"}, "keep, edit or reject"),
    ],
)
def test_a_wrong_form_says_so_and_writes_nothing(
    review: Review, page: TestClient, changed: dict[str, Any], message: str
) -> None:
    answer = page.post("/decide", data=form_of(review, **changed))
    assert answer.status_code == 400
    assert message in answer.text
    assert not review.file.exists()
