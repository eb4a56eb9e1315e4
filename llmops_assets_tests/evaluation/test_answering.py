import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.answering import AnswerCache, Question, ServedModel, all_known, ask_all
from llmops_assets.evaluation.served import serving
from llmops_assets.serving.embedded_server import find_running
from llmops_assets_tests.evaluation.judged_cases import answer

DIGEST = "d" * 64
NOWHERE = ServedModel(
    "http://127.0.0.1:9", "tiny", DIGEST, {"temperature": 0, "num_ctx": 1024, "num_predict": 12, "stop": ["<|im_end|>"]}
)
ASKED = [
    Question([{"role": "user", "content": f"remind me to water plant {number} {'very ' * (number % 5)}soon"}])
    for number in range(24)
]


def quiet(_: str) -> None:
    """Nobody listens."""


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def served(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedModel]:
    with serving("tiny", tiny_gguf, NOWHERE.parameters, tmp_path_factory.mktemp("library"), slots=8) as url:
        yield replace(NOWHERE, url=url)


def test_answers_are_read_back_and_a_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    cache.add("a", answer("one\u2028line\x85still"))
    cache.add("b", answer("zwei ä"))
    whole = path.read_bytes()
    path.write_bytes(whole + '{"key":"c","answer":{"text":"ä'.encode()[:-1])
    again = AnswerCache(path)
    assert again.answers == cache.answers
    again.add("d", answer("after the cut"))
    assert set(AnswerCache(path).answers) == {"a", "b", "d"}


@pytest.mark.parametrize("line", ["[]", "5", "null", '{"key":"x"}', '{"key":"x","answer":{"text":"y"}}', "\ufffd"])
def test_a_line_that_is_no_answer_is_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "answers.jsonl"
    AnswerCache(path).add("a", answer("kept"))
    path.write_text(f"{line}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert set(AnswerCache(path).answers) == {"a"}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(NOWHERE, url="http://elsewhere", name="other", workers=1), True),
        (replace(NOWHERE, digest="e" * 64), False),
        (replace(NOWHERE, parameters={**NOWHERE.parameters, "num_predict": 13}), False),
    ],
)
def test_an_answer_belongs_to_file_messages_and_options(other: ServedModel, same: bool) -> None:
    assert (other.key(ASKED[0]) == NOWHERE.key(ASKED[0])) is same
    held = replace(ASKED[0], form={"type": "object"})
    assert len({NOWHERE.key(asked) for asked in (ASKED[0], ASKED[1], held)}) == 3


def test_one_and_eight_workers_get_the_same_answers_in_order(served: ServedModel, tmp_path: Path) -> None:
    one = ask_all(replace(served, workers=1), ASKED, AnswerCache(tmp_path / "one.jsonl"), quiet)
    eight = ask_all(replace(served, workers=8), ASKED, AnswerCache(tmp_path / "eight.jsonl"), quiet)
    assert [found.text for found in one] == [found.text for found in eight]
    assert len({found.text for found in one}) > 5
    assert {found.at_once for found in one} == {1}
    assert {found.at_once for found in eight} == {8}
    assert all(found.output_tokens > 0 and found.prompt_tokens > 10 and found.latency_s > 0 for found in eight)


def test_what_is_known_is_not_asked_again_and_another_file_is(served: ServedModel, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    found = ask_all(served, [*ASKED[:4], ASKED[0]], AnswerCache(path), quiet)
    assert found[0] == found[4]
    assert len(lines(path)) == 4
    known = replace(served, url=NOWHERE.url)
    assert all_known(known, ASKED[:4], AnswerCache(path))
    assert ask_all(known, ASKED[:4], AnswerCache(path), quiet) == found[:4]
    ask_all(replace(served, digest="e" * 64), ASKED[:4], AnswerCache(path), quiet)
    assert len(lines(path)) == 8


def test_a_new_case_asks_only_itself_and_progress_says_how_long(served: ServedModel, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    ask_all(served, ASKED[:4], AnswerCache(path), quiet)
    before, said = path.read_bytes(), list[str]()
    ask_all(served, [ASKED[4], *ASKED[:4]], AnswerCache(path), said.append)
    (new,) = lines(path)[4:]
    assert path.read_bytes() == before + f"{new}\n".encode()
    assert json.loads(new)["key"] == served.key(ASKED[4])
    assert said[0] == "tiny: 4 answers are known, 1 to ask"
    assert [re.sub(r"[0-9.]+/s", "RATE/s", line) for line in said[1:]] == ["tiny: 1/1 answers, RATE/s, ETA 0 s"]


def test_the_first_ones_are_asked_alone(served: ServedModel, tmp_path: Path) -> None:
    said: list[str] = []
    found = ask_all(
        replace(served, workers=3), ASKED[:6], AnswerCache(tmp_path / "answers.jsonl"), said.append, alone=2
    )
    assert [one.at_once for one in found] == [1, 1, 3, 3, 3, 3]
    assert [line.split(",")[0] for line in said] == ["tiny: 2/2 answers", "tiny: 4/4 answers"]


def test_nobody_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"^expected an answer of tiny at http://127.0.0.1:9, got: .+") as caught:
        ask_all(NOWHERE, ASKED, AnswerCache(tmp_path / "answers.jsonl"), quiet)
    assert "\n" not in str(caught.value)


def test_a_server_killed_while_it_answers_is_one_line_and_keeps_the_rest(tiny_gguf: Path, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    cache = AnswerCache(path)
    longer = {**NOWHERE.parameters, "num_predict": 48}
    with serving("tiny", tiny_gguf, longer, tmp_path / "library", slots=2) as url:
        (folder,) = (tmp_path / "library").iterdir()
        running = find_running(folder)
        assert running is not None
        model = replace(NOWHERE, url=url, parameters=longer, workers=2)
        ask_all(model, ASKED[:2], cache, quiet)
        killed: list[int] = []

        def kill(_: str) -> None:
            if not killed:
                killed.append(running.pid)
                os.kill(running.pid, signal.SIGKILL)

        more = [Question([{"role": "user", "content": f"tell me {number}"}]) for number in range(120)]
        with pytest.raises(EvaluationError) as caught:
            ask_all(model, more, cache, kill)
    assert "\n" not in str(caught.value)
    assert 42 <= len(AnswerCache(path).answers) < 122


def test_refused_requests_are_an_error_and_no_score(served: ServedModel, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="not found"):
        ask_all(replace(served, name="nobody"), ASKED[:1], AnswerCache(tmp_path / "answers.jsonl"), quiet)
