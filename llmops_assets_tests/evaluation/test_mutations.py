"""The scorers are tested by damaged answers: on the evaluation cases that ship, every damage costs its score."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.cases import read_cases
from llmops_assets.evaluation.mutations import (
    CASES_EACH,
    Row,
    mutation_table,
    mutations_of,
    scorers_of,
    sentence,
    spread,
)
from llmops_assets.tasks.mutation import Mutation, always
from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.score import Score, passed
from llmops_assets_tests.evaluation.judged_cases import BUY, CREATE, LIST, NONE, REFUSE, case

DATA = Path(__file__).parents[2] / "data" / "eval"
KINDS = [("TaskMaster", "command", None), ("CodeReviewer", "code_review", None), ("DocWriter", "docstring", CASES_EACH)]
KNOWN_LIMITS = {
    "command": set(),
    "code_review": set(),
    "docstring": {"texts of two arguments swapped", "summary denied", "summary in reversed words"},
}


def cases_of(product: str) -> list[dict[str, Any]]:
    sets = read_cases(DATA / product).sets
    return [*sets["contract"], *sets["several"], *sets["safety"]]


@pytest.mark.parametrize(("product", "kind", "most"), KINDS, ids=lambda value: str(value))
def test_every_damage_applies_somewhere_and_is_noticed_wherever_it_does(
    product: str, kind: str, most: int | None
) -> None:
    rows = mutation_table(get_task(kind), cases_of(product), most)
    assert {row.damage for row in rows if row.limit} == KNOWN_LIMITS[kind]
    assert [row for row in rows if row.fell < row.n and not row.limit] == []
    assert [row.damage for row in rows if row.n == 0] == []


@pytest.mark.parametrize("kind", ["command", "code_review", "docstring"])
def test_there_are_at_least_twenty_damages_with_a_name_each_and_known_scores(kind: str) -> None:
    task = get_task(kind)
    names = [mutation.name for mutation in task.mutations]
    assert len(names) == len(set(names)) >= 20
    assert {score for mutation in task.mutations for score in mutation.falls} <= set(scorers_of(task, ""))
    assert all(mutation.falls for mutation in task.mutations)


@pytest.mark.parametrize(
    ("score", "gold", "text", "value"),
    [
        ("accuracy", CREATE, CREATE, 1),
        ("accuracy", CREATE, LIST, 0),
        ("format", CREATE, "buy milk", 0),
        ("safety", REFUSE, NONE, 1),
        ("safety", REFUSE, CREATE, 0),
        ("refusal", CREATE, LIST, 1),
        ("refusal", CREATE, REFUSE, 0),
        ("refusal", REFUSE, REFUSE, 1),
        ("refusal", REFUSE, CREATE, 0),
        ("help", CREATE, LIST, 1),
        ("help", CREATE, REFUSE, 0),
        ("help", CREATE, "I can't help with that.", 0),
    ],
)
def test_scores_that_can_fall(score: str, gold: str, text: str, value: float) -> None:
    assert scorers_of(get_task("command"), gold)[score](text, case("c1")) == value


def table(mutation: Mutation, most: int | None = None, count: int = 8) -> list[Row]:
    cases = [case(f"c{number}", f"buy milk {number}") for number in range(count)]
    return mutation_table(replace(get_task("command"), mutations=(mutation,)), cases, most)


def test_a_damage_that_scores_as_the_right_answer_is_a_hole_with_examples() -> None:
    assert table(Mutation("spaces", ("accuracy",), always(lambda text: f" {text} "))) == [
        Row("spaces", "accuracy", 8, 0, ("c0", "c5", "c2", "c7", "c4"))
    ]


def test_a_damage_counts_only_where_it_applies_and_the_right_answer_scores_one() -> None:
    def odd(text: str, one: Any) -> str | None:
        return "" if int(one["id"][1:]) % 2 else None

    assert table(Mutation("odd", ("format", "safety"), odd)) == [Row("odd", "format", 4, 4), Row("odd", "safety", 0, 0)]


def test_a_limit_of_cases_is_kept_for_each_damage() -> None:
    assert [row.n for row in table(Mutation("empty", ("format", "accuracy"), always(lambda _: "")), most=3)] == [3, 3]


def test_an_unscored_answer_is_no_fall() -> None:
    task = get_task("command")
    empty = Mutation("empty", ("accuracy",), always(lambda _: ""))
    deaf = replace(task, accuracy=lambda text, _: passed() if text else Score(None, "no linter"), mutations=(empty,))
    assert mutation_table(deaf, [case("c1")]) == [Row("empty", "accuracy", 1, 0, ("c1",))]


def test_every_beginning_of_the_spread_is_even() -> None:
    cases: list[dict[str, Any]] = [{"place": place} for place in range(100)]
    found = [one["place"] for one in spread(cases)]
    assert sorted(found) == list(range(100))
    assert all(len({place // 25 for place in found[start : start + 8]}) == 4 for start in range(0, 92))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "The scorers were not tested: no case has a right answer that scores 1."),
        ([Row("a", "format", 0, 0)], "The scorers were not tested: no case has a right answer that scores 1."),
        ([Row("a", "format", 5, 5), Row("b", "format", 0, 0)], "The scorers noticed 1 of 1 ways to damage a right answer."),
        (
            [Row("a", "format", 5, 5), Row("a", "accuracy", 5, 3, ("x", "y")), Row("b", "safety", 2, 0, ("x",), "why")],
            "The scorers noticed 0 of 2 ways to damage a right answer. Not noticed: a (accuracy: 2 of 5). "
            "Known limits: b (safety: 2 of 2).",
        ),
    ],
)  # fmt: skip
def test_one_line_names_what_was_not_noticed(rows: list[Row], said: str) -> None:
    assert sentence(rows) == said


def test_the_report_holds_rows_totals_and_how_many_cases_there_were() -> None:
    found = mutations_of(get_task("command"), [case("c1", "buy milk", BUY)])
    assert found["says"].endswith("Each was tried on up to 25 of 1 cases, evenly spread.")
    assert {"damage": "empty answer", "score": "format", "n": 1, "fell": 1, "missed": [], "limit": ""} in found["rows"]
    assert [total["score"] for total in found["scores"]] == ["format", "accuracy", "help", "refusal", "safety"]
    assert all(total["n"] == total["fell"] for total in found["scores"])
