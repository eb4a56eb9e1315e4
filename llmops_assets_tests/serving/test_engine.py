"""One context of llama.cpp: alone a prompt gets llama-cpp-python's answer, and rows together do not hold each other up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.serving.engine import Completion, Engine, Job, PromptTooLongError
from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling, sampling

GREEDY = Sampling.greedy(max_tokens=24)
SAID = "remind me to water the tomatoes before the neighbours come back on sunday and feed the cat"
PROMPTS = [" ".join(SAID.split()[number % 5 : 3 + number]) for number in range(15)]


@pytest.fixture(scope="module")
def model(talkative_gguf: Path) -> Iterator[LlamaModel]:
    found = LlamaModel(talkative_gguf)
    yield found
    found.close()


def answers(engine: Engine, jobs: list[dict[str, Any]]) -> list[Any]:
    """How each job ended."""
    found: dict[int, Any] = {}

    def job(number: int) -> Job:
        given = {"sampling": GREEDY, "asked": 0.0, **jobs[number]}
        return Job(end=lambda end: found.update({number: end}), **given)

    left = iter(range(len(jobs)))
    assert engine.run(lambda: None if (number := next(left, None)) is None else job(number))
    return [found[number] for number in range(len(jobs))]


def texts(found: list[Completion]) -> list[str]:
    return [done.text for done in found]


def test_a_prompt_alone_gets_the_answer_that_llama_cpp_python_gives(model: LlamaModel, talkative_gguf: Path) -> None:
    from llama_cpp import Llama

    long = " ".join(f"rule {number} says {number * number}" for number in range(150))
    prompts = [*PROMPTS, f"{long} and what does rule 7 say"]
    other = Llama(str(talkative_gguf), n_ctx=2048, n_threads=1, n_threads_batch=1, flash_attn=True, verbose=False)
    expected = []
    for prompt in prompts:
        tokens = other.tokenize(prompt.encode(), add_bos=False, special=True)
        done: Any = other.create_completion(tokens, temperature=0.0, max_tokens=24, repeat_penalty=1.0)
        expected.append(done["choices"][0]["text"])
    other.close()
    engine = Engine(model, context=2048)
    found = answers(engine, [{"prompt": prompt} for prompt in prompts])
    engine.close()
    # What is no character it leaves out, where we write that there was one.
    assert [text.replace("\ufffd", "") for text in texts(found)] == expected
    assert len(set(expected)) > 10
    assert found[-1].prompt_tokens > 512, "longer than one batch"


def test_rows_of_a_large_model_share_its_threads_and_answer_all(model: LlamaModel) -> None:
    engine = Engine(model, context=256, rows=4, threads=2)
    sampled = sampling({"temperature": 0.9, "seed": 4, "num_predict": 9})
    found = answers(
        engine,
        [
            *({"prompt": prompt} for prompt in PROMPTS),
            {"prompt": PROMPTS[3], "sampling": sampled},
            {"prompt": PROMPTS[4], "json_schema": {"enum": ["yes"]}},
            {"prompt": "word " * 300},
            {"prompt": model.tokens(PROMPTS[0])},
            {"prompt": ""},
        ],
    )
    engine.close()
    assert [done.output_tokens for done in found[: len(PROMPTS)]] == [24] * len(PROMPTS)
    drawn, schema, long, tokens, empty = found[len(PROMPTS) :]
    assert drawn.output_tokens == 9
    assert schema.text == '"yes"'
    assert isinstance(long, PromptTooLongError)
    assert tokens.prompt_tokens == found[0].prompt_tokens
    assert (empty.text, empty.output_tokens) == ("", 0)


def test_a_row_goes_on_from_what_its_place_held_and_says_the_same(model: LlamaModel) -> None:
    rules = " ".join(f"rule {number} says {number * number}" for number in range(20))
    prompts = [f"{rules} {prompt}" for prompt in PROMPTS]
    engine = Engine(model, context=256, rows=4, group=2)
    decoded: list[int] = []
    decode = engine._decode
    engine._decode = lambda cells: (decoded.append(len(cells)), decode(cells))[1]  # type: ignore[method-assign]
    found = answers(engine, [{"prompt": prompt} for prompt in prompts])
    engine.close()
    together = sum(done.prompt_tokens + done.output_tokens - 1 for done in found)
    common = len(model.tokens(rules))
    assert sum(decoded) < together - common * (len(PROMPTS) - 6)
    alone = Engine(model, context=256)
    by_itself = texts(answers(alone, [{"prompt": prompt} for prompt in prompts]))
    alone.close()
    assert sum(one == other for one, other in zip(texts(found), by_itself, strict=True)) >= len(PROMPTS) - 3


def test_a_reader_gets_pieces_and_may_leave(model: LlamaModel) -> None:
    engine = Engine(model, context=128)
    pieces: list[str] = []
    (whole,) = answers(engine, [{"prompt": PROMPTS[2], "on_text": lambda text: bool(pieces.append(text))}])
    assert "".join(pieces) == whole.text
    assert len(pieces) > 5
    (left,) = answers(engine, [{"prompt": PROMPTS[2], "on_text": lambda text: True}])
    assert (left.stop_reason, left.text) == ("cancelled", pieces[0])
    engine.close()


def test_a_reader_who_fails_does_so_alone(model: LlamaModel) -> None:
    def fail(_: str) -> bool:
        raise OSError("gone")

    engine = Engine(model, context=128, rows=4)
    first, second, third = answers(
        engine, [{"prompt": PROMPTS[0]}, {"prompt": PROMPTS[1], "on_text": fail}, {"prompt": PROMPTS[2]}]
    )
    engine.close()
    assert isinstance(second, OSError)
    assert first.output_tokens == third.output_tokens == 24


def test_an_answer_without_a_limit_ends_with_the_context(model: LlamaModel) -> None:
    engine = Engine(model, context=40)
    (done,) = answers(engine, [{"prompt": PROMPTS[0], "sampling": Sampling.greedy()}])
    engine.close()
    assert done.stop_reason == "length"
    assert done.prompt_tokens + done.output_tokens == 40


def test_after_an_error_of_llama_cpp_nothing_is_left_of_it(model: LlamaModel) -> None:
    engine = Engine(model, context=128, rows=4)
    broken: list[Any] = []
    job = Job(prompt=[0, model.words + 5], sampling=GREEDY, asked=0.0, end=broken.append)
    jobs = [job]
    assert not engine.run(lambda: jobs.pop() if jobs else None)
    assert "could not decode" in str(broken[0])
    found = answers(engine, [{"prompt": prompt} for prompt in PROMPTS[:3]])
    engine.close()
    assert [done.output_tokens for done in found] == [24] * 3
