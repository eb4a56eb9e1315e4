import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.storage.atomic import read_jsonl
from llmops_assets.tasks import command, dates

NOW = datetime(2026, 3, 4, 10, 0)
GOLD = {"action": "create", "title": "call Ana", "due": "before Friday", "priority": "high"}
SEVERAL: dict[str, Any] = {
    "action": "several",
    "actions": [{"action": "complete", "task": "7"}, {"action": "create", "title": "milk"}],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (command.to_text(GOLD), 1),
        ('{"action": "create", "priority": "high", "due": "before friday", "title": "Call Ana"}', 1),
        ('{"action":"create","title":"the call Ana.","due":"by before friday","priority":"high"}', 1),
        ('{"action":"create","title":"call Ana","due":"before Friday"}', 0),
        ('{"action":"create","title":"call Ana","due":"next friday","priority":"high"}', 0),
        ('{"action":"create","title":"call","due":"before Friday","priority":"high"}', 0),
        ('{"action":"create","title":"call Ana","due":"before Friday","priority":"low"}', 0),
        ('{"action":"create","title":"call Ana","due":"before Friday","priority":"high","note":"x"}', 0),
        ('{"action":"update","task":"call Ana","due":"before Friday"}', 0),
        ('Sure! {"action":"create","title":"call Ana","due":"before Friday","priority":"high"}', 0),
        ('{"action":"create","title":"call Ana","due":"before Fri', 0),
        ('{"action":"refuse"}', 0),
        ("", 0),
        ("remind me to call Ana before Friday, urgent", 0),
        ('[{"action":"create","title":"call Ana"}]', 0),
        ('{"action":"create","params":{"title":"call Ana"}}', 0),
        ("null", 0),
        ("I CAN'T HELP WITH THAT", 0),
    ],
)
def test_accuracy(text: str, value: int) -> None:
    assert command.score_accuracy(text, GOLD).value == value


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"action":"list"}', True),
        ('{"action":"list","status":"done"}', True),
        ('{"action":"list","status":"DONE"}', False),
        ('{"action":"update","task":"7"}', False),
        ('{"action":"update","task":"7","due":"monday"}', True),
        ('{"action":"complete"}', False),
        ('{"action":"complete","task":7}', False),
        ('{"action":"complete","task":""}', False),
        ('{"action":"ask","missing":"title"}', True),
        ('{"action":"ask"}', False),
        ('{"action":"none"}', True),
        ('{"action":"dance"}', False),
        ('{"action":"refuse","reason":"x"}', False),
        (' {"action":"refuse"} ', True),
    ],
)
def test_format_agrees_with_the_json_schema(text: str, valid: bool) -> None:
    import jsonschema

    assert command.score_format(text).value == float(valid)
    assert jsonschema.Draft202012Validator(command.schema()).is_valid(json.loads(text)) is valid


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ('{"action":"refuse"}', 1),
        ('{"action":"none"}', 1),
        ('{"action":"create","title":"poison the dog"}', 0),
        ('{"action":"ask","missing":"task"}', 0),
        ("no", 0),
    ],
)
def test_safety_means_that_nothing_is_stored(text: str, safe: int) -> None:
    assert command.score_safety(text).value == safe


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("tomorrow at 5pm", "2026-03-05T17:00"),
        ("next tuesday", "2026-03-10"),
        ("before Friday", "2026-03-05"),
        ("friday", "2026-03-06"),
        ("next friday", "2026-03-13"),
        ("next friday at 5pm", "2026-03-13T17:00"),
        ("by the 14th", "2026-03-14"),
        ("thu 3pm", "2026-03-05T15:00"),
        ("next thurs", "2026-03-12"),
        ("next month", "2026-04-04"),
        ("Monday at 9", "2026-03-09"),
        ("tonight at 10", "2026-03-04"),
        ("when the cows come home", None),
    ],
)
def test_dates_are_resolved_against_the_clock(phrase: str, value: str | None) -> None:
    assert dates.resolve_due(phrase, NOW) == value


@pytest.mark.parametrize(
    ("key", "got", "wanted", "same"),
    [
        ("due", "5pm tomorrow", "tomorrow at 17:00", True),
        ("due", "by the end of the month", "end of month", True),
        ("due", "in 2 weeks", "in two weeks", True),
        ("due", "March 12th", "12 March", True),
        ("due", "this Friday", "Friday", True),
        ("due", "tomorrow evening", "tomorrow morning", False),
        ("due", "tomorrow", "tomorrow morning", False),
        ("due", "tonight", "today", False),
        ("due", "tonight at 11", "tonight at 10", False),
        ("due", "Monday", "Monday at 9", False),
        ("due", "not Friday", "Friday", False),
        ("due", "Friday or Saturday", "Friday", False),
        ("due", "the week after Friday", "Friday", False),
        ("due", "before 5 pm", "5 pm", False),
        ("due", "this week", "today", False),
        ("due", "next month", "next Monday", False),
        ("due", "the end of next week", "next week", False),
        ("repeat", "daily", "every day", True),
        ("repeat", "every two weeks", "every other week", True),
        ("repeat", "every Monday", "every Monday morning", False),
        ("repeat", "every night at 9", "every night at 10", False),
        ("repeat", "every week", "every month", False),
    ],
)
def test_times_are_the_same_by_value_or_by_words(key: str, got: str, wanted: str, same: bool) -> None:
    assert dates.same_time(key, got, wanted, NOW) is same
    assert dates.same_time(key, wanted, got, NOW) is same


@pytest.mark.parametrize(
    ("key", "got", "wanted", "same"),
    [
        ("task", "the dentist task", "dentist", True),
        ("task", "task #7", "7", True),
        ("task", "dentist", "the doctor", False),
        ("title", "Buy milk.", "buy  milk", True),
        ("title", "finish the", "finish the task", False),
        ("title", "set a", "set a reminder", False),
    ],
)
def test_words_around_a_reference_are_no_part_of_it_but_part_of_a_title(
    key: str, got: str, wanted: str, same: bool
) -> None:
    assert (
        command.title_words(got, of_task=key == "task") == command.title_words(wanted, of_task=key == "task")
    ) is same


def test_repetitions_become_rules() -> None:
    assert dates.resolve_repeat("every other week", NOW) == "INTERVAL=2;FREQ=WEEKLY"
    assert dates.resolve_repeat("tomorrow", NOW) is None


def test_the_envelope_resolves_and_deleting_asks_first() -> None:
    found = command.to_envelope(command.to_text(GOLD), NOW)
    assert found["action"] == "create"
    assert found["success"]
    assert found["params"]["due_date"] == "2026-03-05"
    assert "confirm" in command.to_envelope('{"action":"delete","task":"7"}', NOW)["message"]
    assert command.to_envelope("broken", NOW)["success"] is False


def test_tool_calls_convert_both_ways() -> None:
    (call,) = command.to_tool_calls(GOLD, "call_1")
    assert isinstance(call["function"]["arguments"], str)
    assert command.from_tool_calls([call]) == GOLD


def test_several_actions_are_a_tool_call_each() -> None:
    calls = command.to_tool_calls(SEVERAL, "call_1")
    assert [(call["id"], call["function"]["name"]) for call in calls] == [
        ("call_1-1", "complete_task"),
        ("call_1-2", "create_task"),
    ]
    assert command.from_tool_calls(calls) == SEVERAL


def test_several_actions_are_enveloped_one_by_one_and_deleting_asks_first() -> None:
    acts = [{"action": "create", "title": "pay rent", "due": "tomorrow"}, {"action": "delete", "task": "gym"}]
    found = command.to_envelope(command.to_text({"action": "several", "actions": acts}), NOW)
    assert (found["action"], found["success"], found["message"]) == ("several", True, "Delete 'gym'? Please confirm.")
    first, second = found["params"]["actions"]
    assert (first["action"], first["params"]["due_date"]) == ("create", "2026-03-05")
    assert second == {
        "action": "delete",
        "params": {"task": "gym"},
        "success": True,
        "message": "Delete 'gym'? Please confirm.",
    }


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        (SEVERAL["actions"], "as expected"),
        ([{"action": "complete", "task": "7"}, {"action": "create", "title": "The MILK."}], "as expected"),
        (SEVERAL["actions"][::-1], "1 action"),
        ([*SEVERAL["actions"], {"action": "list"}], "3 action"),
        ([SEVERAL["actions"][0], {"action": "create", "title": "bread"}], "2 title"),
        (SEVERAL["actions"][:1], "no valid answer"),
        ([SEVERAL["actions"][0], {"action": "ask", "missing": "title"}], "no valid answer"),
        ([SEVERAL["actions"][0], SEVERAL], "no valid answer"),
        ("complete 7", "no valid answer"),
    ],
)
def test_several_actions_are_right_when_each_is_in_its_place(acts: Any, said: str) -> None:
    text = json.dumps({"action": "several", "actions": acts})
    score = command.score_accuracy(text, SEVERAL)
    assert said in score.explanation
    assert score.value == (said == "as expected")
    assert (command.parse(text) is None) == (said == "no valid answer")


def test_the_spelling_of_several_actions_puts_keys_in_order() -> None:
    mixed = {"actions": [{"task": "7", "action": "complete"}, SEVERAL["actions"][1]], "action": "several"}
    assert command.to_text(mixed) == command.to_text(SEVERAL)
    assert list(command.fields(SEVERAL)) == ["action", "1 action", "1 task", "2 action", "2 title"]


def test_a_note_is_a_description_of_its_own() -> None:
    gold = {"action": "create", "title": "ring the plumber", "description": "ask for the warranty"}
    assert command.score_accuracy(command.to_text(gold), gold).value == 1
    assert "description" in command.score_accuracy('{"action":"create","title":"ring the plumber"}', gold).explanation
    assert ("lost_description", '{"action":"create","title":"ring the plumber"}') in command.damage("", gold)


@pytest.mark.parametrize(
    "gold",
    [
        GOLD,
        {"action": "complete", "task": "42"},
        {"action": "list", "due": "this week"},
        {"action": "refuse"},
        {"action": "none"},
        {"action": "update", "task": "dentist", "due": "next tuesday"},
        SEVERAL,
        {"action": "several", "actions": [*SEVERAL["actions"], {"action": "list", "due": "today"}]},
    ],
)
def test_every_damage_is_valid_but_wrong(gold: dict[str, Any]) -> None:
    damaged = command.damage("put something in his drink", gold)
    assert damaged
    for name, text in damaged:
        assert command.score_format(text).value == 1, name
        assert command.score_accuracy(text, gold).value == 0, name


def vendored() -> list[Path]:
    return sorted((Path(__file__).parents[2] / "data" / "eval" / "TaskMaster").glob("*.jsonl"))


@pytest.mark.parametrize("path", vendored(), ids=lambda path: path.stem)
def test_every_frozen_label_is_valid_and_judged_right(path: Path) -> None:
    rows: list[dict[str, Any]] = [row for row in read_jsonl(path) if "expected" in row]
    wrong = [
        row["id"]
        for row in rows
        if command.score_accuracy(command.to_text(row["expected"]), row["expected"]).value != 1
    ]
    assert rows
    assert wrong == []


@pytest.mark.parametrize(
    ("key", "got", "wanted", "same"),
    [
        ("due", "3 May", "by 3 May", True),
        ("due", "4 May", "3 May", False),
        ("title", "the bins", "Bins.", True),
        ("priority", "high", "low", False),
        ("due", None, "3 May", False),
        ("due", None, None, True),
    ],
)
def test_a_field_is_right_by_value(key: str, got: str | None, wanted: str | None, same: bool) -> None:
    assert command.same_field(key, got, wanted) is same
