"""Asks a served model every case once, several at a time, and remembers the answers: a killed evaluation goes on where it was."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from llmops_assets.errors import EvaluationError
from llmops_assets.storage import atomic

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Answer:
    """What the served model said, and what it took."""

    text: str
    latency_s: float
    prompt_tokens: int
    output_tokens: int
    done_reason: str


class AnswerCache:
    """Answers by (file digest, messages, options), one JSON line each, appended as they come."""

    def __init__(self, path: Path) -> None:
        """Reads what an earlier run left; a line cut by a kill is dropped."""
        self.path = path
        self.answers: dict[str, Answer] = {}
        self._lock = Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                row = json.loads(line)
                self.answers[row["key"]] = Answer(**row["answer"])
            except (json.JSONDecodeError, KeyError, TypeError):
                continue

    def add(self, key: str, answer: Answer) -> None:
        """Keeps an answer on disk at once."""
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            self.answers[key] = answer
            file.write(json.dumps({"key": key, "answer": asdict(answer)}, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class ServedModel:
    """A model behind Ollama's API: where, under which name, and the digest of the file that answers."""

    url: str
    name: str
    digest: str
    max_tokens: int
    workers: int = 4

    def options(self) -> dict[str, Any]:
        """Sampling options: greedy, seeded."""
        return {"temperature": 0, "seed": 0, "num_predict": self.max_tokens}


def ask_all(
    model: ServedModel, conversations: Sequence[Messages], cache: AnswerCache, report: Callable[[str], None]
) -> list[Answer]:
    """Answers in the order of the conversations.

    Raises:
        EvaluationError: the server went away.
    """
    keys = [atomic.sha256_json([model.digest, messages, model.options()]) for messages in conversations]
    todo = {key: messages for key, messages in zip(keys, conversations, strict=True) if key not in cache.answers}
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=model.workers) as pool:
        jobs = [pool.submit(_ask, model, key, messages, cache) for key, messages in todo.items()]
        for number, job in enumerate(jobs, 1):
            job.result()
            if number % 40 == 0 or number == len(jobs):
                rate = number / (time.monotonic() - started)
                report(
                    f"{model.name}: {number}/{len(jobs)} answers, {rate:.1f}/s, ETA {(len(jobs) - number) / rate:.0f} s"
                )
    return [cache.answers[key] for key in keys]


def _ask(model: ServedModel, key: str, messages: Messages, cache: AnswerCache) -> None:
    import ollama

    client = ollama.Client(host=model.url, timeout=300)
    started = time.monotonic()
    try:
        reply = client.chat(model=model.name, messages=messages, options=model.options(), keep_alive=-1)
    except (ollama.ResponseError, ConnectionError) as error:
        raise EvaluationError(
            f"expected an answer of {model.name} at {model.url}, got: {error}; is the server up?"
        ) from error
    answer = Answer(
        reply.message.content or "",
        round(time.monotonic() - started, 4),
        reply.prompt_eval_count or 0,
        reply.eval_count or 0,
        reply.done_reason or "",
    )
    cache.add(key, answer)
