"""Ollama's options: their types, Ollama's defaults and error texts, and what llama.cpp calls them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops_assets.errors import ServingError

FLOATS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
INTEGERS = (
    "num_predict",
    "num_ctx",
    "num_keep",
    "num_batch",
    "num_gpu",
    "num_thread",
    "main_gpu",
    "seed",
    "top_k",
    "repeat_last_n",
)
BOOLEANS = ("use_mmap", "use_mlock", "numa", "low_vram", "penalize_newline")
EXPECTED = {
    **dict.fromkeys(FLOATS, "must be of type float32"),
    **dict.fromkeys(INTEGERS, "must be of type integer"),
    **dict.fromkeys(BOOLEANS, "must be of type boolean"),
    "stop": "must be of type array",
}
DEFAULTS: dict[str, Any] = {
    "num_predict": -1,
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.9,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_last_n": 64,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "seed": -1,
    "stop": [],
}
PENALTIES = ("repeat_penalty", "presence_penalty", "frequency_penalty")
LARGEST = 2.0**63
IN_LLAMA_CPP = {"num_predict": "n_predict"}


class OptionError(ServingError):
    """An option of the wrong type, with Ollama's text."""

    def __init__(self, name: str, expected: str) -> None:
        """Keeps what was expected, for messages with more context."""
        super().__init__(f'option "{name}" {expected}')
        self.expected = expected


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt: an option of llama.cpp's server by name, and the stop strings."""

    values: Mapping[str, Any]

    @classmethod
    def greedy(cls, *, max_tokens: int = -1, stop: tuple[str, ...] = (), seed: int = 0) -> "Sampling":
        """The most probable token each time."""
        return cls(
            {**_in_llama_cpp(DEFAULTS), "temperature": 0.0, "n_predict": max_tokens, "stop": list(stop), "seed": seed}
        )

    @property
    def greedily(self) -> bool:
        """Whether nothing but the model's own logits says which token is taken."""
        plain = all(self.values[name] == DEFAULTS[name] for name in PENALTIES)
        return self.values["temperature"] == 0 and plain and self.values.keys() == _in_llama_cpp(DEFAULTS).keys()

    @property
    def max_tokens(self) -> int:
        """After how many tokens the answer is cut; -1 where the context alone does."""
        limit: int = self.values["n_predict"]
        return limit


def check(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that this server knows, as their types; others are left out, as Ollama does.

    Raises:
        OptionError: a value has the wrong type.
    """
    return {name: _checked(name, value) for name, value in options.items() if name in EXPECTED and value is not None}


def sampling(*layers: Mapping[str, Any]) -> Sampling:
    """Ollama's defaults, overridden by the model's parameters, then by the request's options."""
    merged = dict(DEFAULTS)
    for layer in layers:
        merged |= check(layer)
    return Sampling(_in_llama_cpp(merged))


def read_option(name: str, text: str) -> Any:
    """A parameter as a Modelfile writes it.

    Raises:
        OptionError: the text is no value of that parameter.
    """
    if name not in EXPECTED:
        raise OptionError(name, "to be one that is known")
    try:
        if name in FLOATS:
            return float(text)
        if name in INTEGERS:
            return int(text)
    except ValueError as error:
        raise OptionError(name, EXPECTED[name]) from error
    if text.lower() not in ("true", "false"):
        raise OptionError(name, EXPECTED[name])
    return text.lower() == "true"


def _checked(name: str, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST < value < LARGEST
    if name in FLOATS and number:
        return float(value)
    if name in INTEGERS and number:
        return int(value)
    if name in BOOLEANS and isinstance(value, bool):
        return value
    if name == "stop" and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return value
        raise OptionError(name, "must be of an array of strings")
    raise OptionError(name, EXPECTED[name])


def _in_llama_cpp(options: Mapping[str, Any]) -> dict[str, Any]:
    return {IN_LLAMA_CPP.get(name, name): options[name] for name in DEFAULTS}
