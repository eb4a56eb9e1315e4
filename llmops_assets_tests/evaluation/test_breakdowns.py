from dataclasses import replace
from typing import Any

import pytest

from llmops_assets.evaluation import breakdowns as cuts
from llmops_assets.evaluation.field_scores import field_counts
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import CREATE, LIST, NONE, REFUSE, answer, case

TASK = get_task("command")


def judged(
    name: str, text: str = CREATE, value: float | None = 1.0, stopped: str = "", scorer: str = "accuracy", **more: Any
) -> JudgedCase:
    return JudgedCase(case(name, **more), text, {scorer: Score(value, "why")}, stopped)


def harmful(name: str, text: str, value: float | None = 1.0, stopped: str = "", **more: Any) -> JudgedCase:
    return judged(name, text, value, stopped, "safety", expected={"action": "refuse"}, **more)


def names(rows: list[dict[str, Any]]) -> list[tuple[str, int, float | None]]:
    return [(row["name"], row["n"], row["share"]) for row in rows]


def test_a_row_is_a_share_with_its_wilson_interval() -> None:
    assert cuts.row("create", 9, 10) == {
        "name": "create", "n": 10, "share": 0.9, "low": 0.595850, "high": 0.982124, "unscored": 0,
    }  # fmt: skip
    assert cuts.row("none", 0, 0, 2) == {
        "name": "none", "n": 0, "share": None, "low": None, "high": None, "unscored": 2,
    }  # fmt: skip


def test_groups_come_worst_first_and_leave_the_nameless_out() -> None:
    cases = [
        judged("a", value=1.0, difficulty="easy"),
        judged("b", value=0.0, difficulty="hard"),
        judged("c", value=1.0, difficulty="hard"),
        judged("d", value=None, difficulty="odd"),
        judged("e", value=0.0),
    ]
    rows = cuts.grouped(cases, "accuracy", lambda one: one.case.get("difficulty", ""))
    assert names(rows) == [("hard", 2, 0.5), ("easy", 1, 1.0), ("odd", 0, None)]
    assert [row["unscored"] for row in rows] == [0, 0, 1]


@pytest.mark.parametrize(
    ("length", "name"),
    [
        (0, "up to 40"), (40, "up to 40"), (41, "41 to 80"), (80, "41 to 80"), (160, "81 to 160"),
        (320, "161 to 320"), (640, "321 to 640"), (641, "over 640"),
    ],
)  # fmt: skip
def test_a_request_belongs_to_one_length(length: int, name: str) -> None:
    assert cuts.length_group("x" * length) == name


def test_accuracy_is_cut_by_all_that_the_cases_tell() -> None:
    found = cuts.accuracy(
        get_task("command"),
        {
            "contract": [judged("c1", source="s"), judged("c2", value=0.0, source="t", text="x")],
            "natural": [judged("n1", expected={"action": "list"}, text=LIST)],
            "legitimate": [],
            "safety": [harmful("s1", REFUSE)],
        },
    )
    assert names(found["set"]) == [("contract", 2, 0.5), ("natural", 1, 1.0)]
    assert names(found["action"]) == [("create", 2, 0.5), ("list", 1, 1.0)]
    assert names(found["source"]) == [("t", 1, 0.0), ("s", 1, 1.0)]
    assert names(found["length"]) == [("up to 40", 3, pytest.approx(2 / 3, abs=1e-6))]
    assert "category" not in found
    assert "difficulty" not in found


def test_a_field_is_right_or_wrong_for_itself() -> None:
    wanted = {"action": "create", "title": "call Ana", "due": "monday"}
    answers = (
        '{"action":"create","title":"call Ana","due":"tuesday"}',
        '{"action":"create","title":"call Ana","priority":"high"}',
        "no object at all",
    )
    cases = [judged(str(place), expected=wanted, text=text, value=0.0) for place, text in enumerate(answers)]
    assert field_counts(get_task("command"), cases) == {
        "action": (2, 3),
        "title": (2, 3),
        "due": (0, 3),
        "priority": (0, 1),
    }


def test_fields_of_several_actions_are_counted_together() -> None:
    acts = [{"action": "complete", "task": "7"}, {"action": "delete", "task": "gym"}]
    text = '{"action":"several","actions":[{"action":"complete","task":"7"},{"action":"delete","task":"pool"}]}'
    found = field_counts(get_task("command"), [judged("s", expected={"action": "several", "actions": acts}, text=text)])
    assert found == {"action": (1, 1), "action, of several": (2, 2), "task, of several": (1, 2)}


def test_a_probability_is_worth_the_share_of_harm_in_its_tenth() -> None:
    bad = [replace(harmful("s", REFUSE), stop=stop) for stop in (0.05, 0.91, 1.0)]
    good = [replace(judged("g"), stop=stop) for stop in (0.0, 0.09, 0.95, None)]
    assert names(cuts.calibration(bad, good)) == [
        ("0.0 to 0.1", 3, pytest.approx(1 / 3, abs=1e-6)),
        ("0.9 to 1.0", 3, pytest.approx(2 / 3, abs=1e-6)),
    ]


def test_cases_without_actions_are_grouped_by_rule_or_category() -> None:
    one = {"id": "r", "messages": [{"role": "user", "content": "1: x"}], "expected": {"findings": []}}
    cases = [
        JudgedCase({**one, "category": "clean"}, "", {"accuracy": Score(1.0, "")}),
        JudgedCase({**one, "category": "clean", "rule": "leftover print"}, "", {"accuracy": Score(0.0, "")}),
    ]
    sets = {"contract": cases, "natural": [], "legitimate": [], "safety": []}
    found = cuts.breakdowns(get_task("code_review"), sets, [])
    assert found["grouped_by"] == "category"
    assert names(found["accuracy"]["category"]) == [("leftover print", 1, 0.0), ("clean", 1, 1.0)]
    assert "action" not in found["accuracy"]
    assert (found["confusion"], found["latency"], found["safety"]) == ([], [], {"family": [], "source": []})


def test_confusion_counts_expected_against_given_actions() -> None:
    cases = [judged("a"), judged("b"), judged("c", LIST), judged("d", "gibberish"), judged("e", NONE)]
    assert cuts.confusion(TASK, cases) == [
        {"expected": "create", "got": "create", "n": 2},
        {"expected": "create", "got": "list", "n": 1},
        {"expected": "create", "got": "no valid answer", "n": 1},
        {"expected": "create", "got": "none", "n": 1},
    ]


def test_safety_is_cut_by_family_and_source() -> None:
    cases = [
        harmful("a", REFUSE, family="direct", source="p"),
        harmful("b", CREATE, 0.0, family="direct", source="q"),
        harmful("c", REFUSE, family="roleplay", source="q"),
    ]
    found = cuts.safety(cases)
    assert names(found["family"]) == [("direct", 2, 0.5), ("roleplay", 1, 1.0)]
    assert names(found["source"]) == [("q", 2, 0.5), ("p", 1, 1.0)]


def counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    assert len({row["n"] for row in rows}) == 1
    return {row["name"]: row["count"] for row in rows}


def test_who_stopped_harmful_requests() -> None:
    cases = [harmful("a", REFUSE, stopped="rule"), harmful("b", REFUSE), harmful("c", CREATE, 0.0), harmful("d", NONE)]
    assert counts(cuts.harmful_stops(TASK, cases)) == {
        "stopped by the guard": 1, "refused by the model": 2, "answered without harm": 0, "came through": 1,
    }  # fmt: skip


def test_an_answer_that_cannot_harm_is_neither_a_refusal_nor_a_failure() -> None:
    safe = harmful("a", '{"findings":[]}')
    free = harmful("b", "here is how to do it", 0.0)
    found = counts(cuts.harmful_stops(get_task("code_review"), [safe, free]))
    assert (found["answered without harm"], found["came through"], found["refused by the model"]) == (1, 1, 0)


def test_who_stopped_requests_that_want_help() -> None:
    cases = [judged("a", REFUSE, 0.0, "classifier"), judged("b", NONE, 0.0), judged("c"), judged("d", LIST, 0.0)]
    found = cuts.legitimate_stops(TASK, cases)
    assert counts(found) == {"stopped by the guard": 1, "refused by the model": 1, "helped": 2}
    assert {row["requests"] for row in found} == {"legitimate"}
    assert [row["share"] for row in found] == [0.25, 0.25, 0.5]


def test_false_refusals_are_listed_with_who_refused_look_alikes_first() -> None:
    wants_none = judged("c2", REFUSE, expected={"action": "none"})
    found = cuts.false_refusals(
        TASK,
        {
            "contract": [judged("c1", REFUSE, 0.0), wants_none, judged("c3")],
            "natural": [],
            "legitimate": [
                JudgedCase(case("l1", "kill the process"), REFUSE, {"accuracy": Score(0.0, "")}, "harm 0.9")
            ],
        },
    )
    assert found == [
        {"set": "legitimate", "id": "l1", "asked": "kill the process", "by": "guard", "reason": "harm 0.9"},
        {"set": "contract", "id": "c1", "asked": "buy milk", "by": "model", "reason": "the model refused it"},
    ]


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [((3.0, 1.0, 2.0), 0.5, 2.0), ((1.0, 2.0), 0.25, 1.25), ((5.0,), 0.95, 5.0), ((1.0, 2.0), 1.0, 2.0)],
)
def test_a_quantile_lies_between_its_neighbours(values: tuple[float, ...], share: float, value: float) -> None:
    assert cuts.quantile(values, share) == pytest.approx(value)


def test_latency_has_a_curve_for_each_number_of_requests_at_once() -> None:
    answers = [answer(CREATE, seconds, at_once=8) for seconds in (1.0, 2.0, 3.0)] + [answer(CREATE, 0.5, at_once=1)]
    alone, together = cuts.latency(answers)
    assert (alone["at_once"], alone["n"], together["at_once"], together["n"]) == (1, 1, 8, 3)
    at = {point["share"]: point["seconds"] for point in together["quantiles"]}
    assert (at[0.0], at[0.5], at[0.75], at[1.0]) == (1.0, 2.0, 2.5, 3.0)
    assert list(at) == sorted(at)
