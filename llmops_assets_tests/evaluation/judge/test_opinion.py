"""The judge's whole part against a scripted model behind a real socket."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.evaluation.answering import AnswerCache
from llmops_assets.evaluation.judge.opinion import second_opinion
from llmops_assets.evaluation.judge.sentences import markdown_lines
from llmops_assets.evaluation.judging import JudgedCase
from llmops_assets.recipes.evaluation import JudgeConfig
from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.score import Score
from llmops_assets_tests.evaluation.judge.scripted_judge import (
    Reply,
    Script,
    actual,
    answers_of,
    fair,
    is_comparison,
    score,
    scripted_judge,
    winner,
)
from llmops_assets_tests.evaluation.judged_cases import CREATE, LIST, case

TASK = get_task("command")


def judged(answers: Sequence[str], name: str = "contract") -> list[JudgedCase]:
    return [
        JudgedCase(case(f"{name}-{number}"), text, {"accuracy": Score(float(text == CREATE), "")})
        for number, text in enumerate(answers)
    ]


def heard(
    script: Script, answers: Sequence[str], folder: Path, deployed: dict[str, str] | None = None, **changes: Any
) -> dict[str, Any]:
    provider = changes.pop("provider", "openai-compatible")
    with scripted_judge(script) as judge:
        sets = {"contract": judged(answers), "natural": [], "legitimate": [], "safety": judged([LIST], "safety")}
        memory = AnswerCache(folder / "answers.jsonl")
        found = second_opinion(judge.config(provider, **changes), TASK, sets, deployed or {}, memory, lambda _: None)
        return {**found, "asked": judge.asked}


@pytest.mark.parametrize("provider", ["openai-compatible", "ollama"])
def test_a_fair_judge_agrees_with_the_scorer_and_has_no_place(tmp_path: Path, provider: str) -> None:
    found = heard(fair, [CREATE] * 4 + [LIST] * 6, tmp_path, provider=provider)
    assert (found["n"], found["mean"], found["scores"]["5"], found["scores"]["1"]) == (10, 2.6, 4, 6)
    table = found["agreement"]
    assert (table["agreement"], table["kappa"], table["both_right"], table["both_wrong"]) == (1.0, 1.0, 4, 6)
    assert (found["same"], found["position"]["n"]) == (4, 6)
    assert (found["position"]["other"], found["position"]["biased"]) == (6, False)
    assert found["missing"] == ""
    assert not any("safety" in json.dumps(row) for row in found["rows"])


def test_a_judge_that_always_prefers_the_first_is_shown_as_biased(tmp_path: Path) -> None:
    found = heard(lambda prompt: winner("1") if is_comparison(prompt) else score(3), [LIST] * 8, tmp_path)
    assert (found["position"]["changed"], found["position"]["leans_first"], found["position"]["biased"]) == (8, 8, True)
    assert found["position"]["product"] == found["position"]["other"] == 0
    assert "Position bias: the judge prefers the first answer, whichever it is" in "\n".join(markdown_lines(found))


def test_a_judge_that_likes_long_answers_is_shown_by_its_correlation(tmp_path: Path) -> None:
    answers = [json.dumps({"action": "create", "title": "x" * size}) for size in (2, 9, 17, 30, 55)]

    def likes_long(prompt: str) -> str:
        if is_comparison(prompt):
            return winner("tie")
        return score(1 + sorted(answers, key=len).index(actual(prompt)[0]))

    found = heard(likes_long, answers, tmp_path)
    assert (found["length"]["rho"], found["length"]["n"]) == (1.0, 5)
    assert (found["length_of_right"]["rho"], found["length_of_right"]["n"]) == (None, 0)
    assert "(Spearman): +1.00" in found["says"][2]


def test_what_cannot_be_read_is_unscored_counted_and_never_a_number(tmp_path: Path) -> None:
    said = iter(["I like it: 5/5", score(7), Reply(score(4), ended="length"), '{"score": 3}', score(4)])
    found = heard(lambda prompt: "?" if is_comparison(prompt) else next(said), [LIST, "{}", "[]", "x", ""], tmp_path)
    assert (found["n"], found["mean"], found["agreement"]["n"]) == (1, 4.0, 1)
    assert found["unscored"] == {
        "no JSON": 1,
        "not on the scale": 1,
        "cut": 1,
        "not the form that was asked for": 1,
    }
    assert (found["position"]["n"], found["pairs_unscored"]) == (0, {"no JSON": 5})
    assert "5/5" in found["rows"][0]["unscored"]
    assert "(an empty answer)" in json.dumps(found["asked"])


def test_garbage_alone_scores_nothing(tmp_path: Path) -> None:
    found = heard(lambda _: "lorem ipsum", [LIST] * 3, tmp_path)
    assert (found["n"], found["mean"], found["agreement"]["agreement"], found["length"]["rho"]) == (0, None, None, None)
    assert found["says"][0] == "Of 3 cases none could be scored (n = 0); unscored: 3 no JSON."
    assert "|" not in "\n".join(markdown_lines(found))


@pytest.mark.parametrize("reply", [Reply(status=400, raw="out of memory"), Reply("late", wait_s=0.5)])
def test_a_judge_that_breaks_midway_counts_for_nothing_and_is_named(tmp_path: Path, reply: Reply) -> None:
    replies = iter([score(5), winner("1"), winner("2")])
    found = heard(lambda _: next(replies, reply), [LIST, "{}"], tmp_path, timeout_s=0.2)
    assert (found["n"], found["cases"], found["rows"], found["position"]["n"]) == (0, 2, [], 0)
    assert found["says"] == [f"The judge was not heard (n = 0): {found['missing']}. The next evaluation asks it again."]
    assert "expected an answer of scripted" in found["missing"]
    # Three replies are remembered: the next evaluation asks only what is left.
    assert len(AnswerCache(tmp_path / "answers.jsonl").answers) == 3


def test_replies_are_remembered(tmp_path: Path) -> None:
    memory = tmp_path / "answers.jsonl"
    sets = {"contract": judged([LIST, CREATE]), "natural": [], "legitimate": []}
    with scripted_judge(fair) as judge:
        config = judge.config()
        first = second_opinion(config, TASK, sets, {}, AnswerCache(memory), lambda _: None)
    # Nobody listens there any more.
    assert second_opinion(config, TASK, sets, {}, AnswerCache(memory), lambda _: None) == first
    assert len(judge.asked) == 4


def test_the_deployed_version_s_answers_are_the_other_side_where_the_recipe_says_so(tmp_path: Path) -> None:
    deployed = {"contract-0": "{}", "contract-1": LIST}
    found = heard(fair, [CREATE, LIST, LIST], tmp_path, deployed, against="deployed")
    assert (found["position"]["product"], found["same"], found["absent"]) == (1, 1, 1)
    compared = [answers_of(row["messages"][0]["content"]) for row in found["asked"] if "winner" in json.dumps(row)]
    assert compared == [(CREATE, "{}"), ("{}", CREATE)]
    assert "the deployed version's answer" in found["says"][-2]


def test_cases_are_chosen_evenly(tmp_path: Path) -> None:
    found = heard(fair, [LIST] * 9, tmp_path, cases=3)
    assert [row["id"] for row in found["rows"]] == ["contract-0", "contract-3", "contract-6"]


def test_anchors_and_steps_of_the_task_reach_the_judge(tmp_path: Path) -> None:
    asked = heard(fair, [LIST], tmp_path)["asked"]
    prompt = asked[0]["messages"][0]["content"]
    for words in (*TASK.rubric.anchors, *TASK.rubric.steps, TASK.rubric.wanted, "between 1 and 5"):
        assert words in prompt
    assert TASK.rubric.wanted in asked[1]["messages"][0]["content"]


def test_a_missing_key_is_said_and_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    lines: list[str] = []
    config = JudgeConfig(provider="ollama", base_url="http://127.0.0.1:1", model="m", api_key_env="NO_SUCH_KEY")
    sets = {"contract": judged([LIST]), "natural": [], "legitimate": []}
    found = second_opinion(config, TASK, sets, {}, AnswerCache(tmp_path / "a.jsonl"), lines.append)
    assert found["n"] == 0
    assert lines == [f"the evaluation goes on without the judge: {found['missing']}"]
    assert "NO_SUCH_KEY" in lines[0]


def test_nobody_but_the_endpoint_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    connect = socket.socket.connect

    def noting(self: socket.socket, address: Any) -> None:
        called.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noting)
    heard(fair, [LIST], tmp_path)
    assert {address[0] for address in called} == {"127.0.0.1"}
    assert len({address[1] for address in called}) == 1
