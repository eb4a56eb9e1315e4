"""Ollama's options: types, defaults, and llama.cpp's names."""

from typing import Any

import pytest

from llmops_assets.serving.options import OptionError, Sampling, check, read_option, sampling


def test_a_request_without_options_gets_ollamas_defaults() -> None:
    assert sampling({}, {}).values == {
        "n_predict": -1,
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


def test_the_request_wins_over_the_model() -> None:
    values = sampling({"temperature": 0.2, "top_k": 5}, {"temperature": 1}).values
    assert (values["temperature"], values["top_k"]) == (1.0, 5)


def test_a_null_is_no_option() -> None:
    assert sampling({"temperature": 0.2}, {"temperature": None}).values["temperature"] == 0.2


def test_greedy_takes_the_most_probable_token() -> None:
    values = Sampling.greedy(max_tokens=7, stop=("x",)).values
    assert (values["temperature"], values["n_predict"], values["stop"]) == (0.0, 7, ["x"])


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("temperature", "0.5", 'option "temperature" must be of type float32'),
        ("temperature", True, 'option "temperature" must be of type float32'),
        ("num_predict", "7", 'option "num_predict" must be of type integer'),
        ("num_ctx", [1], 'option "num_ctx" must be of type integer'),
        ("use_mmap", 1, 'option "use_mmap" must be of type boolean'),
        ("stop", "x", 'option "stop" must be of type array'),
        ("stop", ["x", 1], 'option "stop" must be of an array of strings'),
    ],
)
def test_a_wrong_type_has_ollamas_text(name: str, value: Any, error: str) -> None:
    with pytest.raises(OptionError) as raised:
        check({name: value})
    assert str(raised.value) == error


def test_numbers_become_what_the_option_wants_and_unknown_ones_go() -> None:
    assert check({"temperature": 1, "top_k": 3.0, "mystery": 1}) == {"temperature": 1.0, "top_k": 3}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
@pytest.mark.parametrize("name", ["temperature", "num_predict"])
def test_what_is_no_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(OptionError):
        check({name: value})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("temperature", "0.5", 0.5), ("num_ctx", "2048", 2048), ("use_mmap", "False", False), ("seed", "-1", -1)],
)
def test_a_modelfile_says_options_as_text(name: str, text: str, value: Any) -> None:
    assert read_option(name, text) == value


@pytest.mark.parametrize(("name", "text"), [("num_ctx", "2.5"), ("temperature", "x"), ("use_mmap", "1"), ("what", "1")])
def test_a_text_that_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(OptionError):
        read_option(name, text)


@pytest.mark.parametrize(
    ("options", "greedily"),
    [
        ({"temperature": 0, "top_k": 5, "seed": 3}, True),
        ({"temperature": 0.1}, False),
        ({"temperature": 0, "repeat_penalty": 1.1}, False),
        ({"temperature": 0, "presence_penalty": 0.5}, False),
        ({"temperature": 0, "frequency_penalty": 0.5}, False),
    ],
)
def test_greedy_is_what_no_penalty_and_no_chance_changes(options: dict[str, Any], greedily: bool) -> None:
    assert sampling(options).greedily == greedily


def test_an_option_that_is_not_known_to_be_harmless_is_not_greedy() -> None:
    assert Sampling.greedy().greedily
    assert not Sampling({**Sampling.greedy().values, "logit_bias": []}).greedily
    assert (Sampling.greedy().max_tokens, Sampling.greedy(max_tokens=4).max_tokens) == (-1, 4)
