import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from llmops_assets.evaluation.judging import judge_cases, metric_of, quiet_deepeval
from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judged_cases import CREATE, LIST, case


def unscored(_: str, __: Any) -> Score:
    return Score(None, "the linter did not run")


def test_every_answer_gets_every_scorers_word_in_order() -> None:
    task = get_task("command")
    scorers = {"accuracy": task.accuracy, "format": task.format}
    found = judge_cases([case("a"), case("b"), case("c")], [CREATE, LIST, "broken"], scorers, task.gold_text)
    assert [row.case["id"] for row in found] == ["a", "b", "c"]
    assert [(row.scores["accuracy"].value, row.scores["format"].value) for row in found] == [(1, 1), (0, 1), (0, 0)]
    assert found[1].scores["accuracy"].explanation == "action: expected 'create', got 'list'"


def test_the_metric_is_deepevals_own_kind() -> None:
    quiet_deepeval()
    from deepeval.metrics import BaseMetric
    from deepeval.test_case import LLMTestCase

    metric = metric_of("accuracy", lambda text, found: Score(float(text == found["wanted"]), "said so"))
    assert isinstance(metric, BaseMetric)
    right = LLMTestCase(input="x", actual_output="yes", metadata={"case": {"wanted": "yes"}})
    assert (metric.measure(right), metric.is_successful(), metric.reason, metric.error) == (1.0, True, "said so", None)
    wrong = LLMTestCase(input="x", actual_output="no", metadata={"case": {"wanted": "yes"}})
    assert (metric.measure(wrong), metric.is_successful(), metric.score) == (0.0, False, 0.0)


def test_unscored_is_no_zero_and_no_pass() -> None:
    quiet_deepeval()
    from deepeval.test_case import LLMTestCase

    metric = metric_of("accuracy", unscored)
    assert math.isnan(metric.measure(LLMTestCase(input="x", actual_output="y", metadata={"case": {}})))
    assert metric.score is None
    assert not metric.is_successful()
    assert metric.error == "the linter did not run"
    (found,) = judge_cases([case("a")], [CREATE], {"accuracy": unscored}, str)
    assert not found.scores["accuracy"].scored


def test_judging_calls_nobody_and_leaves_no_file(tmp_path: Path) -> None:
    code = """
import json, sys
calls = []
sys.addaudithook(lambda event, args: calls.append(event) if event.startswith("socket.") else None)
from llmops_assets.evaluation.judging import judge_cases
from llmops_assets.tasks.registry import get_task
task = get_task("command")
case = {"id": "a", "messages": [{"role": "user", "content": "x"}], "expected": {"action": "list"}}
judge_cases([case], ['{"action":"list"}'], {"accuracy": task.accuracy}, task.gold_text)
from deepeval.config.settings import get_settings
talked = [event for event in calls if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto")]
print(json.dumps([bool(get_settings().DEEPEVAL_TELEMETRY_OPT_OUT), talked]))
"""
    root = Path(__file__).resolve().parents[2]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.strip().splitlines()[-1]) == [True, []]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
