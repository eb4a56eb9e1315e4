"""Many greedy requests share a batch, and each gets the answer that it gets alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from llmops_assets.errors import ServingError
from llmops_assets.serving import engine, engine_group
from llmops_assets.serving.engine import Completion, Engine, Job, PromptTooLongError
from llmops_assets.serving.engine_group import GROUP, ROWS, EngineGroup
from llmops_assets.serving.llama_model import LlamaModel
from llmops_assets.serving.options import Sampling, sampling
from llmops_assets_tests.tiny_model import write_decided_gguf

LIMIT = 12
GREEDY = Sampling.greedy(max_tokens=LIMIT)
PROMPTS = [f"remind me to water plant {number} {'very ' * (number % 9)}soon" for number in range(110)]


@pytest.fixture(scope="module")
def decided_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decided_gguf(tmp_path_factory.mktemp("decided"))


@pytest.fixture(scope="module")
def alone(decided_gguf: Path) -> list[Completion]:
    """What each prompt gets by itself."""
    group = EngineGroup(decided_gguf, context=256, slots=1)
    found = [group.complete(prompt, GREEDY) for prompt in PROMPTS]
    group.close()
    return found


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch, decided_gguf: Path) -> Iterator[EngineGroup]:
    monkeypatch.setattr(engine_group, "usable_cores", lambda: 2)
    group = EngineGroup(decided_gguf, context=256, slots=len(PROMPTS))
    yield group
    group.close()


def plain(done: Completion) -> tuple[str, int, int, str]:
    return done.text, done.prompt_tokens, done.output_tokens, done.stop_reason


def all_at_once(group: EngineGroup, wanted: Sampling = GREEDY, **more: Any) -> list[Completion]:
    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        return list(pool.map(lambda prompt: group.complete(prompt, wanted, **more), PROMPTS))


def batched(group: EngineGroup) -> int:
    """How many requests ended in a batch."""
    return sum(crowd.ended for crowd in group._crowds)


def again(group: EngineGroup) -> float:
    """Which share of their work was done once more, alone."""
    return sum(crowd.again for crowd in group._crowds) / sum(crowd.alone for crowd in group._crowds)


def test_a_crowd_gets_the_answers_of_each_alone(crowded: EngineGroup, alone: list[Completion]) -> None:
    found = all_at_once(crowded)
    assert [plain(done) for done in found] == [plain(done) for done in alone]
    assert batched(crowded) > len(PROMPTS) / 2
    assert 0 < again(crowded) < 1 / 3
    assert len({done.text for done in found}) > len(PROMPTS) / 2
    assert all(0 < done.first_token_s <= done.total_s for done in found)
    assert all(done.prompt_eval_s > 0 and done.eval_s > 0 for done in found)


def test_what_could_have_become_another_answer_is_computed_once_more_alone(
    monkeypatch: pytest.MonkeyPatch, crowded: EngineGroup, alone: list[Completion]
) -> None:
    monkeypatch.setattr(engine, "SURE", float("inf"))
    monkeypatch.setattr(engine_group, "WASTED", 2)
    crowded._model.rounding.prompts.weigh(False)  # or the prompts are kept, see test_rounding
    assert [plain(done) for done in all_at_once(crowded)] == [plain(done) for done in alone]
    assert batched(crowded) > len(PROMPTS) / 2
    assert again(crowded) > 0.9


def test_batches_that_do_not_pay_are_given_up(monkeypatch: pytest.MonkeyPatch, crowded: EngineGroup) -> None:
    monkeypatch.setattr(engine, "SURE", float("inf"))
    monkeypatch.setattr(engine_group, "TRIED", 10)
    all_at_once(crowded)
    asked = batched(crowded)
    all_at_once(crowded)
    assert batched(crowded) == asked >= 10


def test_a_batch_stops_at_a_stop_word_and_cuts_it_off(
    crowded: EngineGroup, decided_gguf: Path, alone: list[Completion]
) -> None:
    word = alone[3].text[5:9]
    whole = next(done.text for done in alone if word not in done.text)
    wanted = Sampling.greedy(max_tokens=LIMIT, stop=(word, f"{whole[-1]} never said"))
    one = EngineGroup(decided_gguf, context=256, slots=1)
    by_itself = [plain(one.complete(prompt, wanted)) for prompt in PROMPTS]
    one.close()
    assert [plain(done) for done in all_at_once(crowded, wanted)] == by_itself
    assert by_itself[3][0] == alone[3].text[:5].partition(word)[0]
    assert by_itself[[done.text for done in alone].index(whole)][0] == whole, "the end could have begun a stop word"


def test_a_reader_gets_the_text_piece_by_piece(crowded: EngineGroup, alone: list[Completion]) -> None:
    pieces: dict[str, list[str]] = {prompt: [] for prompt in PROMPTS}

    def ask(prompt: str) -> None:
        crowded.complete(prompt, GREEDY, on_text=lambda text: bool(pieces[prompt].append(text)))

    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        list(pool.map(ask, PROMPTS))
    assert ["".join(pieces[prompt]) for prompt in PROMPTS] == [done.text for done in alone]
    assert batched(crowded) > len(PROMPTS) / 2
    assert all(len(one) > 3 for one in pieces.values())


def test_who_leaves_a_batch_holds_nobody_up(crowded: EngineGroup, alone: list[Completion]) -> None:
    def ask(number: int) -> Completion:
        return crowded.complete(PROMPTS[number], GREEDY, on_text=lambda text: number % 2 == 0)

    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        found = list(pool.map(ask, range(len(PROMPTS))))
    assert batched(crowded) > len(PROMPTS) / 2
    assert {done.stop_reason for done in found[::2]} == {"cancelled"}
    assert [plain(done) for done in found[1::2]] == [plain(done) for done in alone[1::2]]


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        (sampling({"temperature": 0.9, "num_predict": 5, "seed": 1}), None),
        (sampling({"temperature": 0, "num_predict": 5, "repeat_penalty": 1.3}), None),
        (Sampling.greedy(max_tokens=5), {"enum": ["a", "b"]}),
        (Sampling.greedy(max_tokens=250), None),
    ],
    ids=["sampled", "penalties", "schema", "too long for a row"],
)
def test_other_requests_have_an_engine_for_themselves(
    monkeypatch: pytest.MonkeyPatch, crowded: EngineGroup, wanted: Sampling, schema: dict[str, Any] | None
) -> None:
    monkeypatch.setattr(engine_group, "TOKENS", 128)
    all_at_once(crowded, wanted, json_schema=schema)
    assert batched(crowded) == 0


def test_what_llama_cpp_cannot_batch_it_answers_alone(
    monkeypatch: pytest.MonkeyPatch, crowded: EngineGroup, alone: list[Completion]
) -> None:
    decode, decoded = Engine._decode, list[Engine]()

    def fail_later(one: Engine, cells: Any) -> None:
        if one.rows > 1:
            decoded.append(one)
            if decoded.count(one) > 12:
                raise ServingError("no more")
        decode(one, cells)

    monkeypatch.setattr(Engine, "_decode", fail_later)
    assert [plain(done) for done in all_at_once(crowded)] == [plain(done) for done in alone]
    assert len(decoded) == 13 * len(crowded._crowds)


def test_a_prompt_too_long_or_that_is_no_text_fails_for_its_caller_alone(
    crowded: EngineGroup, alone: list[Completion]
) -> None:
    with ThreadPoolExecutor(len(PROMPTS)) as pool:
        jobs = [pool.submit(crowded.complete, prompt, GREEDY) for prompt in PROMPTS[:40]]
        long = pool.submit(crowded.complete, "word " * 400, GREEDY)
        broken = pool.submit(crowded.complete, "word \ud800", GREEDY)
        jobs += [pool.submit(crowded.complete, prompt, GREEDY) for prompt in PROMPTS[40:80]]
        assert [plain(job.result()) for job in jobs] == [plain(done) for done in alone[:80]]
        with pytest.raises(PromptTooLongError):
            long.result()
        with pytest.raises(ServingError, match="half of one"):
            broken.result()


def test_who_cannot_be_batched_is_not_overtaken_for_ever(crowded: EngineGroup) -> None:
    stop, served = Event(), Event()

    def crowd(number: int) -> None:
        while not stop.is_set():
            crowded.complete(PROMPTS[number], GREEDY)

    with ThreadPoolExecutor(60) as pool:
        for number in range(59):
            pool.submit(crowd, number)
        pool.submit(lambda: (crowded.complete("word", sampling({"num_predict": 3})), served.set()))
        assert served.wait(60)
        stop.set()


def test_more_jobs_than_rows_take_each_others_places(decided_gguf: Path, alone: list[Completion]) -> None:
    model = LlamaModel(decided_gguf)
    crowd = Engine(model, context=256, rows=ROWS, group=GROUP, exact=True)
    ends: dict[str, Any] = {}
    jobs = [
        Job(prompt=prompt, sampling=GREEDY, asked=0.0, end=lambda done, prompt=prompt: ends.update({prompt: done}))  # type: ignore[misc]
        for prompt in PROMPTS
    ]
    for order in (jobs, jobs[::-1]):
        left = iter(order)
        assert crowd.run(lambda left=left: next(left, None))  # type: ignore[misc]
        assert len(ends) == len(PROMPTS) > 2 * ROWS
        assert [plain(ends.pop(prompt)) for prompt in PROMPTS] == [plain(one) for one in alone]
    assert crowd.ended == 2 * len(PROMPTS)
    crowd.close()
    model.close()


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"GGUF no")
    with pytest.raises(ServingError, match=r"can load in no\.gguf, got a refusal"):
        LlamaModel(tmp_path / "no.gguf")


def test_characters_of_several_tokens_are_read_whole(decided_gguf: Path) -> None:
    model = LlamaModel(decided_gguf)
    tokens = model.tokens("é🙂 <|im_end|>")
    assert b"".join(map(model.piece, tokens)).decode() == "é🙂 "
    assert [model.ends(token) for token in tokens][-1]
    model.close()
