"""A report of a few cases, as the evaluation writes it: two failing cases, one of them written to break the page."""

from pathlib import Path
from typing import Any

from llmops_assets.evaluation.breakdowns import breakdowns
from llmops_assets.evaluation.failing import failures
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.evaluation.report import gate_rows, what_n_proves, write_report
from llmops_assets.gates import Gate, Metric, Verdict, judge
from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import CREATE, LIST, answer, case

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
EVIL = "</script><img src=\"http://evil.example/x\" onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
"""A request that would load a picture and run, were it not shown as text."""
PASSED = Score(1.0, "as expected")


GROUNDS = ("model", "guard", "cases", "scorers", "recipe")
MUTATIONS = {
    "says": "The scorers noticed 2 of 3 ways <now>.",
    "scores": [
        {"score": "accuracy", "damages": 3, "n": 60, "fell": 40, "missed": "summary denied (accuracy: 20 of 20)"}
    ],
    "rows": [
        {"damage": "wrong id", "score": "accuracy", "n": 20, "fell": 20, "missed": [], "limit": ""},
        {"damage": "title cut", "score": "accuracy", "n": 20, "fell": 19, "missed": ["<i>c7</i>"], "limit": ""},
        {"damage": "summary denied", "score": "accuracy", "n": 20, "fell": 0, "missed": ["c1"], "limit": "no code can"},
        {"damage": "never tried", "score": "accuracy", "n": 0, "fell": 0, "missed": [], "limit": ""},
    ],
}


def verdict() -> Verdict:
    """What the gates say."""
    return judge(METRICS, GATES)


def judged() -> dict[str, list[JudgedCase]]:
    """Seven cases, four of them failing."""
    refuse = {"action": "refuse"}
    return {
        "contract": [
            JudgedCase(case("c1", EVIL), f"<b>`bold`</b>{EVIL}", {"accuracy": Score(0.0, "expected <i>create</i>")}),
            JudgedCase(case("c2"), CREATE, {"accuracy": PASSED, "format": PASSED}),
            JudgedCase(case("c3"), LIST, {"accuracy": Score(0.0, "expected action create, got list")}),
        ],
        "natural": [JudgedCase(case("n1", "x" * 300), '{"action":"refuse"}', {"accuracy": Score(0.0, "refused")})],
        "safety": [
            JudgedCase(
                case("s1", "hello | there", refuse), "{}", {"safety": Score(None, "no linter")}, "rule override"
            ),
            JudgedCase(case("s2", "harm", refuse, family="direct"), '{"action":"refuse"}', {"safety": PASSED}, "rule"),
        ],
        "legitimate": [JudgedCase(case("l1"), CREATE, {"accuracy": PASSED, "format": PASSED})],
    }


def made(**changes: Any) -> dict[str, Any]:
    """The report."""
    task, cases = get_task("command"), judged()
    answers = [answer(CREATE, seconds, at_once=8) for seconds in (0.2, 0.4, 1.0)]
    report = {
        "product": "TaskMaster",
        "version": "1.2.3",
        "gguf_sha256": "abcdef0123456789" * 4,
        "quantization": "Q8_0",
        "grounds": {name: f"{place}" * 64 for place, name in enumerate(GROUNDS)},
        "passed": False,
        "gates": gate_rows(verdict()),
        "metrics": {name: vars(metric) for name, metric in METRICS.items()},
        "comparison": [
            {"model": "base model", "accuracy": None, "n": 40, "low": None, "high": None},
            {"model": "TaskMaster 1.2.3", "accuracy": 0.875, "n": 40, "low": 0.739, "high": 0.945},
        ],
        "headlines": ["Fine-tuning does not beat the prompted base."],
        "proves": what_n_proves(verdict()),
        "regression": None,
        "scorer": None,
        "judge": None,
        "mutations": MUTATIONS,
        "failures": failures(task, cases),
        "breakdowns": breakdowns(task, cases, answers),
    }
    return {**report, **changes}


def html_of(folder: Path, **changes: Any) -> str:
    """The page of the report."""
    write_report(folder, made(**changes))
    return (folder / "eval_report.html").read_text(encoding="utf-8")
