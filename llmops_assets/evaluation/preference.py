"""Preference alignment of the GGUF file: how often the chosen answer is likelier than the rejected one.

Log-probabilities are read from the very file through llama-cpp-python, because a server tells them for sampled tokens only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Pair:
    """A rendered prompt with its two answers, end-of-turn token included."""

    id: str
    prompt: str
    chosen: str
    rejected: str


def margins(gguf: Path, pairs: Sequence[Pair], *, threads: int, report: Callable[[str], None]) -> list[float]:
    """Log p(chosen | prompt) - log p(rejected | prompt) in nats, a pair each."""
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=1024, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False)
    found = []
    for number, pair in enumerate(pairs, 1):
        found.append(_logprob(model, pair.prompt, pair.chosen) - _logprob(model, pair.prompt, pair.rejected))
        if number % 40 == 0 or number == len(pairs):
            report(f"preference: {number}/{len(pairs)} pairs")
    model.close()
    return found


def _logprob(model: Any, prompt: str, answer: str) -> float:
    import numpy as np

    before = model.tokenize(prompt.encode(), add_bos=False, special=True)
    tokens = before + model.tokenize(answer.encode(), add_bos=False, special=True)
    model.reset()
    model.eval(tokens)
    scores = np.asarray(model.scores[len(before) - 1 : len(tokens) - 1], dtype=np.float64)
    peak = scores.max(axis=1, keepdims=True)
    logsum = peak[:, 0] + np.log(np.exp(scores - peak).sum(axis=1))
    picked = scores[np.arange(len(scores)), tokens[len(before) :]]
    return float((picked - logsum).sum())
