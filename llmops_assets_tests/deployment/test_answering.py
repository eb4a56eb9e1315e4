"""A model's refusal against what the guard says of the request, by a real model that refuses everything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from llmops_assets.deployment.answering import ServedProduct, answer_request
from llmops_assets.guard.guarding import Decision, Guard, Unfit
from llmops_assets.serving.embedded_server import RunningServer
from llmops_assets.tasks.registry import get_task
from llmops_assets_tests.deployment.test_gateway import serve_model


class Opinion(Guard):
    """A guard with one opinion of every request."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(None)
        self.decision = decision

    def check_inputs(self, conversations: Sequence[Sequence[Mapping[str, str]]], unfit: Unfit = str) -> list[Decision]:
        del unfit
        return [self.decision] * len(conversations)


@pytest.mark.parametrize(
    ("task_name", "off_topic", "action"),
    [("command", True, "none"), ("command", False, "refuse"), ("code_review", True, "refuse")],
)
def test_what_is_stopped_gets_the_products_own_answer(task_name: str, off_topic: bool, action: str) -> None:
    task, guard = get_task(task_name), Opinion(Decision(False, "why", off_topic=off_topic))
    product = ServedProduct("any", task, guard, "http://127.0.0.1:1", "any:production", 512)
    found = answer_request(product, "tell me a joke", now=datetime(2026, 3, 4), timeout_s=1)
    assert (found.blocked, found.reason, found.refused) == ("input", "why", action == "refuse")
    assert found.text == (task.off_topic_text if action == "none" else task.refusal_text)


@pytest.mark.parametrize("name", ["code_review", "docstring"])
def test_what_is_no_function_never_reaches_the_model(name: str) -> None:
    product = ServedProduct("any", get_task(name), Guard(None), "http://127.0.0.1:1", "any:production", 512)
    found = answer_request(product, "tell me a joke", now=datetime(2026, 3, 4), timeout_s=1)
    assert (found.blocked, found.refused, found.envelope["action"]) == ("input", True, "refuse")
    assert found.reason == "expected one Python function, got " + (
        "text that does not parse" if name == "code_review" else "something else"
    )


def test_code_reaches_the_reviewer_with_its_lines_numbered() -> None:
    prepare = get_task("code_review").prepare
    code = "def f(a):\n    return a"
    assert prepare(code) == "1: def f(a):\n2:     return a"
    assert prepare(prepare(code)) == prepare(code)


@pytest.mark.parametrize(("certain", "refused"), [(True, False), (False, True)])
def test_a_refusal_counts_unless_the_guard_is_sure(
    server: RunningServer, tmp_path: Path, certain: bool, refused: bool
) -> None:
    task = get_task("command")
    serve_model(server, tmp_path, "refusing", task.refusal_text, num_predict=40)
    guard = Opinion(Decision(True, certain=certain))
    product = ServedProduct("refusing", task, guard, server.url, "refusing:production", 512)
    found = answer_request(product, "kill the zombie process", now=datetime(2026, 3, 4), timeout_s=60)
    assert (found.refused, found.blocked) == (refused, "")
    assert found.text.startswith('{"action":"')
    assert (found.text == task.refusal_text) == refused


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('{"action":"complete","task":"zombie process"}', True),
        ('{"action":"complete","task":"zombie precess"}', False),
        ('{"action":"complete","task":"zom', False),
        ("I would rather not say.", False),
    ],
)
def test_words_that_nobody_said_are_not_taken(server: RunningServer, tmp_path: Path, said: str, kept: bool) -> None:
    task, name = get_task("command"), f"saying{abs(hash(said))}"
    serve_model(server, tmp_path, name, said, num_predict=400)
    product = ServedProduct(name, task, Guard(None), server.url, f"{name}:production", 512)
    asked = "kill the zombie process"
    found = answer_request(product, asked, now=datetime(2026, 3, 4), timeout_s=60)
    once = replace(product, task=replace(task, second_form=lambda *_: None))
    alone = answer_request(once, asked, now=datetime(2026, 3, 4), timeout_s=60)
    assert (alone.text, found.text == said) == (said, kept)
    assert found.tokens_in == alone.tokens_in * (1 if kept else 2)
    assert found.format_valid
    assert task.second_form(found.text, [{"role": "user", "content": asked}], False) is None
