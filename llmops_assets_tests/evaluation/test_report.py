import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.report import (
    case_scores,
    failures,
    gate_rows,
    headlines,
    markdown,
    what_n_proves,
    write_report,
)
from llmops_assets.gates import Gate, Metric, Verdict, judge
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import case

GATES = [
    Gate("accuracy", minimum=0.85),
    Gate("safety", minimum=0.99),
    Gate("false_refusal", maximum=0.10),
    Gate("preference", minimum=0.7),
    Gate("accuracy_target", minimum=0.9, blocking=False),
]
METRICS = {
    "natural_accuracy": Metric(0.731, 350, 0.683, 0.774),
    "accuracy": Metric(0.88, 330, 0.841, 0.911),
    "accuracy_target": Metric(0.88, 330, 0.841, 0.911),
    "safety": Metric(1.0, 380, 0.99, 1.0),
    "false_refusal": Metric(0.2, 130, 0.14, 0.277),
    "preference": Metric(None, 0, note="there are no held-out pairs"),
    "latency_p50_s": Metric(1.25, 1190, note="8 requests at a time"),
}
MUTATIONS = {
    "says": "The scorers noticed 2 of 3 ways <now>.",
    "scores": [
        {"score": "accuracy", "damages": 3, "n": 60, "fell": 40, "missed": "summary denied (accuracy: 20 of 20)"}
    ],
    "rows": [
        {"damage": "wrong id", "score": "accuracy", "n": 20, "fell": 20, "missed": [], "limit": ""},
        {"damage": "title cut", "score": "accuracy", "n": 20, "fell": 19, "missed": ["c7"], "limit": ""},
        {"damage": "summary denied", "score": "accuracy", "n": 20, "fell": 0, "missed": ["c1"], "limit": "no code can"},
        {"damage": "never tried", "score": "accuracy", "n": 0, "fell": 0, "missed": [], "limit": ""},
    ],
}
EVIL = '<script>alert("x")</script>'


def verdict() -> Verdict:
    return judge(METRICS, GATES)


def made(**changes: Any) -> dict[str, Any]:
    judged = {
        "contract": [
            JudgedCase(case("c1", EVIL), "<b>`bold`</b>", {"accuracy": Score(0.0, "expected <i>create</i>")}),
            JudgedCase(case("c2"), "fine", {"accuracy": Score(1.0, "as expected"), "format": Score(1.0, "valid")}),
        ],
        "safety": [
            JudgedCase(case("s1", "hello | there"), "{}", {"safety": Score(None, "no linter")}, "rule override")
        ],
    }
    report = {
        "product": "TaskMaster",
        "version": "1.2.3",
        "gguf_sha256": "abcdef0123456789" * 4,
        "quantization": "Q8_0",
        "passed": False,
        "gates": gate_rows(verdict()),
        "metrics": {name: vars(metric) for name, metric in METRICS.items()},
        "comparison": [
            {"model": "base model", "accuracy": None, "n": 40},
            {"model": "TaskMaster 1.2.3", "accuracy": 0.875, "n": 40},
        ],
        "headlines": ["Fine-tuning does not beat the prompted base."],
        "proves": what_n_proves(verdict()),
        "regression": None,
        "scorer": None,
        "mutations": MUTATIONS,
        "failures": failures(judged),
    }
    return {**report, **changes}


def html_of(folder: Path, **changes: Any) -> str:
    write_report(folder, made(**changes))
    return (folder / "eval_report.html").read_text(encoding="utf-8")


def test_the_json_is_what_was_given_with_sorted_keys(tmp_path: Path) -> None:
    write_report(tmp_path, made())
    text = (tmp_path / "eval_report.json").read_text(encoding="utf-8")
    assert json.loads(text) == made()
    assert list(json.loads(text)) == sorted(made())


def test_the_page_shows_natural_accuracy_before_all_other_numbers(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    body = page[page.index("<body>") :]
    first = re.search(r"0\.\d{3}", re.sub(r"<[^>]*>", "", body))
    assert first is not None
    assert first[0] == "0.731"
    assert "0.683 to 0.774, n = 350" in body


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    assert not re.search(r"""(?:src|href)=|url\(|@import|<link|<script""", page)


def test_what_people_and_models_wrote_is_escaped(tmp_path: Path) -> None:
    page = html_of(tmp_path)
    assert EVIL not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page
    assert "<code>&lt;b&gt;`bold`&lt;/b&gt;</code>" in page
    assert "expected &lt;i&gt;create&lt;/i&gt;" in page


def test_every_gate_has_its_bar_with_interval_value_and_line(tmp_path: Path) -> None:
    gates = html_of(tmp_path).split("<h2>Gates</h2>")[1].split("</table>")[0]
    assert gates.count('class="bar"') == len(GATES)
    assert gates.count("<u ") == len(GATES)
    assert gates.count("<i ") == gates.count("<b ") == len(GATES) - 1
    assert '<u style="left:84.6%">' in gates
    assert re.findall(r'class="(passed|failed|undecided)"', gates) == [
        "passed", "passed", "failed", "undecided", "failed",
    ]  # fmt: skip
    assert "there are no held-out pairs" in gates


@pytest.mark.parametrize(("passed", "said"), [(True, "all blocking gates passed"), (False, "not passed")])
def test_the_page_says_whether_it_passed(tmp_path: Path, passed: bool, said: str) -> None:
    assert f">{said}<" in html_of(tmp_path, passed=passed)


def test_failing_cases_stand_there_with_reason_and_the_guards_own(tmp_path: Path) -> None:
    rows = failures_table(html_of(tmp_path))
    assert len(rows) == 2
    assert "stopped by the guard (rule override)" in rows[1]
    assert "no linter" in rows[1]
    assert "fine" not in "".join(rows)


def failures_table(page: str) -> list[str]:
    return page.split("What went wrong")[1].split("<tr>")[2:]


def test_unscored_is_a_word_and_never_a_zero(tmp_path: Path) -> None:
    page = html_of(tmp_path, metrics={**made()["metrics"], "natural_accuracy": vars(Metric(None, 0, note="none"))})
    assert "accuracy\n<b>unscored</b>" in page
    assert "<td>base model</td><td>unscored</td>" in page


def test_regression_and_scorer_are_shown_where_there_are_any(tmp_path: Path) -> None:
    regression = {"n": 460, "difference": -0.021, "p_value": 0.0312, "broke": ["a", "b"], "mended": ["c"]}
    scorer = {"agreement": 0.91, "low": 0.85, "high": 0.95, "n": 169, "says": "Of 60 answers <none> pass."}
    page = html_of(tmp_path, regression={**regression, "regressed": True, "enough_cases": False}, scorer=scorer)
    assert "(460 shared cases): difference -0.021" in page
    assert "p = 0.0312; 2 broke, 1 were mended; fewer cases than the profile wants" in page
    assert "agreement 0.910" in page
    assert "Of 60 answers &lt;none&gt; pass." in page
    assert "Against the deployed version" not in html_of(tmp_path)


def test_what_the_scorers_notice_stands_in_a_table(tmp_path: Path) -> None:
    part = html_of(tmp_path).split("What the scorers notice")[1].split("</details>")[0]
    assert "2 of 3 ways &lt;now&gt;." in part
    assert re.findall(r'<td class="(passed|failed|undecided)">(\d+)', part) == [
        ("passed", "20"), ("failed", "19"), ("undecided", "0"),
    ]  # fmt: skip
    assert "c7" in part
    assert "c1 (no code can)" in part
    assert "never tried" not in part


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
    assert "2 failing cases:" in text
    assert f"- contract: `{EVIL}` -> `<b>'bold'</b>` (`expected <i>create</i>`)" in text
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
        "safety: With n = 380 and no failure, the true failure rate is below 0.79% with 95% confidence.",
    ]


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ((0.1, 0.4, 0.9), []),
        ((0.1, 0.9, 0.9), ["Fine-tuning does not beat the prompted: 0.900 against 0.900."]),
        ((0.95, 0.4, 0.9), ["Fine-tuning does not beat the base: 0.900 against 0.950."]),
        ((None, 0.4, 0.9), []),
        ((0.1, 0.4, None), []),
    ],
)
def test_losing_to_the_base_is_a_headline(accuracies: tuple[float | None, ...], said: list[str]) -> None:
    names = ("base", "prompted", "product")
    rows = [{"model": name, "accuracy": value, "n": 40} for name, value in zip(names, accuracies, strict=True)]
    assert headlines(rows) == said
    assert headlines([]) == []
