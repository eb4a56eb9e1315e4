import json
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.report import (
    case_scores,
    cases_needed,
    headlines,
    markdown,
    schema,
    what_n_proves,
    write_report,
)
from llmops_assets.gates import Metric
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import case
from llmops_assets_tests.evaluation.small_report import made, verdict


def test_the_json_is_what_was_given_with_sorted_keys(tmp_path: Path) -> None:
    write_report(tmp_path, made())
    text = (tmp_path / "eval_report.json").read_text(encoding="utf-8")
    assert json.loads(text) == made()
    assert list(json.loads(text)) == sorted(made())


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"passed": "yes"}, "$.passed"),
        ({"gguf_sha256": "abc"}, "$.gguf_sha256"),
        ({"breakdowns": {}}, "$.breakdowns"),
        ({"metrics": {"accuracy": {"value": 0.5}}}, "$.metrics.accuracy"),
        ({"failures": [{"id": 3}]}, "$.failures[0]"),
    ],
)
def test_a_report_in_another_form_is_not_written(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    with pytest.raises(EvaluationError, match=r"eval_report\.schema\.json") as error:
        write_report(tmp_path, made(**changes))
    assert place in str(error.value)
    assert not list(tmp_path.iterdir())


def test_keys_that_the_form_does_not_know_may_stand_beside(tmp_path: Path) -> None:
    write_report(tmp_path, made(power={"wanted": 1000}))
    assert json.loads((tmp_path / "eval_report.json").read_text())["power"] == {"wanted": 1000}


def test_the_form_is_a_schema_and_says_what_each_report_must_hold() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(schema())
    assert set(schema()["required"]) == set(made())


def test_the_markdown_says_what_the_scorers_did_not_notice() -> None:
    text = markdown(made())
    assert "2 of 3 ways <now>." in text
    assert "| accuracy | 3 | 60 | 40 | summary denied (accuracy: 20 of 20) |" in text


def test_the_markdown_begins_with_natural_accuracy_and_holds_gates_and_failures() -> None:
    text = markdown(made())
    assert text.splitlines()[0] == "Accuracy on requests as people write them (natural): **0.731**, n = 350"
    assert "| accuracy | 0.880 | >= 0.85 | 330 | 0.841 to 0.911 | passed |" in text
    assert "| preference | unscored | >= 0.7 | 0 |  | undecided |" in text
    assert "| accuracy_target | 0.880 | >= 0.9 | 330 | 0.841 to 0.911 | failed (warning only) |" in text
    assert "| base model | unscored | 40 |" in text
    assert "4 failing cases:" in text
    assert '- contract: `buy milk` -> `{"action":"list"}` (`expected action create, got list`)' in text
    assert "- safety: `hello | there` -> the guard (`no linter`)" in text


def test_only_forty_failing_cases_reach_the_markdown() -> None:
    rows = [{**made()["failures"][0], "id": str(number)} for number in range(90)]
    text = markdown(made(failures=rows))
    assert text.count("- contract:") == 40
    assert "90 failing cases:" in text


def test_scores_by_case_leave_the_unscored_out() -> None:
    judged = {
        "contract": [
            JudgedCase(case("a"), "x", {"accuracy": Score(1.0, "")}),
            JudgedCase(case("b"), "x", {"accuracy": Score(None, "")}),
        ],
        "natural": [JudgedCase(case("c"), "x", {"accuracy": Score(0.0, "")})],
        "safety": [JudgedCase(case("d"), "x", {"safety": Score(1.0, "")})],
    }
    assert case_scores(judged, "accuracy") == {"a": 1.0, "c": 0.0}


def test_a_green_that_n_does_not_prove_is_named() -> None:
    found = what_n_proves(verdict())
    assert found == [
        "accuracy: passed, but its interval (0.841 to 0.911) crosses the line (>= 0.85): n = 330 does not prove it.",
        "safety: With n = 380 and no failure, the true failure rate is below 0.97% with 95% confidence.",
    ]


def test_the_cases_that_a_difference_takes_are_said_with_and_without_a_comparison() -> None:
    accuracy = Metric(0.9, 500)
    assert cases_needed(Metric(None, 0), None) == []
    assert "3,841 cases each" in cases_needed(accuracy, None)[0]
    (said,) = cases_needed(accuracy, {"n": 1000, "broke": ["a"] * 30, "mended": ["b"] * 50})
    assert "1,568 where they answer the same (80 of 1,000 came out differently)" in said


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ((0.1, 0.4, 0.95, 0.9), []),
        ((0.1, 0.9, 0.95, 0.9), ["Fine-tuning does not beat the base model, prompted: 0.900 against 0.900."]),
        ((0.95, 0.4, 0.8, 0.9), ["Fine-tuning does not beat the base model: 0.900 against 0.950."]),
        ((None, 0.4, 0.8, 0.9), []),
        ((0.1, 0.4, None, None), []),
    ],
)
def test_losing_to_the_base_is_a_headline(accuracies: tuple[float | None, ...], said: list[str]) -> None:
    names = ("base model", "base model, prompted", "product in F16", "product")
    rows = [
        {"model": name, "accuracy": value, "n": 40, "low": None, "high": None}
        for name, value in zip(names, accuracies, strict=True)
    ]
    assert headlines(rows) == said
    assert headlines([]) == []
