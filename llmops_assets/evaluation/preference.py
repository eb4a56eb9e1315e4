"""Preference alignment of the GGUF file: how often the chosen answer is likelier than the rejected one.

Log-probabilities are read from the very file through llama-cpp-python, because a server tells them for sampled tokens only.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.intervals import share
from llmops_assets.gates import Metric
from llmops_assets.shards import cut
from llmops_assets.tasks import chat_template

Row = TypeVar("Row")


@dataclass(frozen=True)
class Pair:
    """A rendered prompt with its two answers, end-of-turn token included."""

    id: str
    prompt: str
    chosen: str
    rejected: str


def rendered(row: Mapping[str, Any]) -> Pair:
    """A held-out pair as the model reads and writes it."""
    end = chat_template.TURN_END
    prompt = chat_template.render(row["prompt"], answer=True)
    return Pair(row["id"], prompt, f"{row['chosen']}{end}", f"{row['rejected']}{end}")


def preference(preferred: Sequence[bool]) -> Metric:
    """The share of pairs whose chosen answer is the likelier one."""
    if not preferred:
        return Metric(None, 0, note="there are no held-out pairs")
    return share([float(likelier) for likelier in preferred], "log-probabilities from the GGUF")


def margins(gguf: Path, pairs: Sequence[Pair], *, threads: int, report: Callable[[str], None]) -> list[float]:
    """Log p(chosen | prompt) - log p(rejected | prompt) in nats, a pair each.

    Args:
        gguf: the file.
        pairs: what is compared.
        threads: so many pairs are worked on at once, each by a model on one thread: faster than one model on them all.
        report: called with one line now and then.

    Raises:
        EvaluationError: llama.cpp cannot load the file.
    """
    done = count(1)

    def margin(model: Any, pair: Pair) -> float:
        found = _margin(model, pair)
        number = next(done)
        if number % 40 == 0 or number == len(pairs):
            report(f"preference: {number}/{len(pairs)} pairs")
        return found

    return _on_threads(gguf, _context(pairs), pairs, threads, margin)


def answer_logprobs(gguf: Path, answers: Sequence[tuple[str, str]], *, threads: int) -> list[float]:
    """Log p(answer | prompt) in nats of rendered (prompt, answer), end-of-turn token included.

    Raises:
        EvaluationError: llama.cpp cannot load the file.
    """
    context = max((len(prompt.encode()) + len(answer.encode()) for prompt, answer in answers), default=0)

    def logprob(model: Any, row: tuple[str, str]) -> float:
        prompt, answer = (_tokens(model, text) for text in row)
        model.reset()
        return _logprob(model, prompt, answer)

    return _on_threads(gguf, context, answers, threads, logprob)


def _on_threads(
    gguf: Path, context: int, rows: Sequence[Row], threads: int, score: Callable[[Any, Row], float]
) -> list[float]:
    """The score of each row, by a model of its own for each thread."""
    parts = cut(rows, threads)
    models = [_load(gguf, context) for _ in parts]

    def work(model: Any, part: Sequence[Row]) -> list[float]:
        found = [score(model, row) for row in part]
        model.close()
        return found

    with ThreadPoolExecutor(threads) as pool:
        return [value for found in pool.map(work, models, parts) for value in found]


def _margin(model: Any, pair: Pair) -> float:
    prompt, chosen, rejected = (_tokens(model, text) for text in (pair.prompt, pair.chosen, pair.rejected))
    model.reset()
    first = _logprob(model, prompt, chosen)
    # What both answers begin with has been computed, so only the rest of the second one is.
    model.n_tokens = len(prompt) + _shared(chosen, rejected)
    return first - _logprob(model, prompt, rejected)


def _context(pairs: Sequence[Pair]) -> int:
    """Room for the longest pair: no token is shorter than a byte."""
    return max(
        len(pair.prompt.encode()) + max(map(len, (pair.chosen.encode(), pair.rejected.encode()))) for pair in pairs
    )


def _load(gguf: Path, context: int) -> Any:
    from llama_cpp import Llama

    try:
        return Llama(str(gguf), n_ctx=context, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
    except ValueError as error:
        raise EvaluationError(f"expected a model in {gguf}, got: {error}; run gguf_model again") from error


def _tokens(model: Any, text: str) -> list[int]:
    tokens: list[int] = model.tokenize(text.encode(), add_bos=False, special=True)
    return tokens


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with, short of either's last: its logits are still to be asked for."""
    most = min(len(one), len(other)) - 1
    return next((place for place in range(most) if one[place] != other[place]), most)


def _logprob(model: Any, prompt: list[int], answer: list[int]) -> float:
    import numpy as np

    tokens = prompt + answer
    model.eval(tokens[model.n_tokens :])
    scores = np.asarray(model.scores[len(prompt) - 1 : len(tokens) - 1], dtype=np.float64)
    peak = scores.max(axis=1, keepdims=True)
    logsum = peak[:, 0] + np.log(np.exp(scores - peak).sum(axis=1))
    picked = scores[np.arange(len(scores)), answer]
    return float((picked - logsum).sum())
