"""Asks a served model every case once, several at a time, and remembers the answers: a killed evaluation goes on where it was."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.served import computed_by, set_up
from llmops_assets.storage import atomic
from llmops_assets.tasks.few_shot import Messages

REPORT_EVERY = 40
TIMEOUT_S = 300
OPTIONS = {"seed": 0}
"""All else is the model's own: it is judged as it will be served."""


@dataclass(frozen=True)
class Answer:
    """What the served model said, and what it took.

    Attributes:
        at_once: how many requests were under way; 1 is what a user alone with the product sees.
    """

    text: str
    latency_s: float
    prompt_tokens: int
    output_tokens: int
    done_reason: str
    at_once: int


class AnswerCache:
    """Answers by (file digest, serving set-up, engine, messages, options), one JSON line each, appended as they come."""

    def __init__(self, path: Path) -> None:
        """Reads what an earlier run left; a line cut by a kill is dropped from the file."""
        self.path = path
        self.answers: dict[str, Answer] = {}
        self._lock = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in _whole_lines(path) if path.exists() else []:
            try:
                row = json.loads(line)
                self.answers[row["key"]] = Answer(**row["answer"])
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, key: str, answer: Answer) -> None:
        """Keeps an answer on disk at once."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            self.answers[key] = answer
            file.write(json.dumps({"key": key, "answer": asdict(answer)}, ensure_ascii=False) + "\n")


def _whole_lines(path: Path) -> list[bytes]:
    """Every line that has its end; the file is cut there, or the next answer would be glued to half a line."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.truncate(path, end)
    return data[:end].split(b"\n")[:-1]


@dataclass(frozen=True)
class Question:
    """A conversation to go on with.

    Attributes:
        form: a JSON Schema that the answer is held to.
    """

    messages: Messages
    form: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ServedModel:
    """A model behind Ollama's API: where, under which name, the digest of the file that answers, and how it is served."""

    url: str
    name: str
    digest: str
    parameters: Mapping[str, Any]
    workers: int = 4

    def key(self, question: Question) -> str:
        """What an answer depends on: the file, how it is served, what is asked and how."""
        form = [dict(question.form)] if question.form else []
        return atomic.sha256_json(
            [self.digest, set_up(self.parameters), computed_by(), question.messages, OPTIONS, *form]
        )


def ask_all(
    model: ServedModel,
    questions: Sequence[Question],
    cache: AnswerCache,
    report: Callable[[str], None],
    *,
    alone: int = 0,
) -> list[Answer]:
    """Answers in the order of the questions.

    Args:
        model: who is asked.
        questions: what is asked; the same one is asked once.
        cache: answers that are there already, and where new ones go.
        report: called with one line every few seconds.
        alone: so many of the first are asked one at a time, for a latency without company.

    Raises:
        EvaluationError: the server went away or refused.
    """
    keys = [model.key(question) for question in questions]
    places = {key: place for place, key in reversed(list(enumerate(keys))) if key not in cache.answers}
    first = {key: questions[place] for key, place in places.items() if place < alone}
    rest = {key: questions[place] for key, place in places.items() if place >= alone}
    if len(places) < len(set(keys)):
        report(f"{model.name}: {len(set(keys)) - len(places)} answers are known, {len(places)} to ask")
    _ask_these(replace(model, workers=1), first, cache, report)
    _ask_these(model, rest, cache, report)
    return [cache.answers[key] for key in keys]


def all_known(model: ServedModel, questions: Sequence[Question], cache: AnswerCache) -> bool:
    """Whether nothing is left to ask."""
    return all(model.key(question) in cache.answers for question in questions)


def _ask_these(
    model: ServedModel, todo: Mapping[str, Question], cache: AnswerCache, report: Callable[[str], None]
) -> None:
    if not todo:
        return
    import ollama

    # One client for all: each new one reads the system's certificates, which takes longer than a short answer.
    client = ollama.Client(host=model.url, timeout=TIMEOUT_S, trust_env=False)
    started = time.monotonic()
    pool = ThreadPoolExecutor(max_workers=model.workers)
    try:
        jobs = [pool.submit(_ask, client, model, key, question, cache) for key, question in todo.items()]
        for number, job in enumerate(as_completed(jobs), 1):
            job.result()
            if number % REPORT_EVERY == 0 or number == len(jobs):
                rate = number / (time.monotonic() - started)
                left = (len(jobs) - number) / rate
                report(f"{model.name}: {number}/{len(jobs)} answers, {rate:.1f}/s, ETA {left:.0f} s")
    finally:
        pool.shutdown(cancel_futures=True)


def _ask(client: Any, model: ServedModel, key: str, question: Question, cache: AnswerCache) -> None:
    import httpx
    import ollama

    started = time.monotonic()
    try:
        form = dict(question.form) if question.form else None
        reply = client.chat(model=model.name, messages=question.messages, options=OPTIONS, keep_alive=-1, format=form)
    except (ollama.ResponseError, ConnectionError, httpx.HTTPError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise EvaluationError(
            f"expected an answer of {model.name} at {model.url}, got: {said}; evaluate again, known answers are kept"
        ) from error
    answer = Answer(
        text=reply.message.content or "",
        latency_s=round(time.monotonic() - started, 4),
        prompt_tokens=reply.prompt_eval_count or 0,
        output_tokens=reply.eval_count or 0,
        done_reason=reply.done_reason or "",
        at_once=model.workers,
    )
    cache.add(key, answer)
