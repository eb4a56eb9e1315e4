"""Asks model folders and GGUF files, each kind in a child process that gives its memory back, and in batches.

A question is {"stage", "folder", "adapter", "conversations", "continuations"}; a continuation is (messages, answer) whose
log-probability is wanted.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from llmops_assets.console import say
from llmops_assets.shards import at_once
from llmops_assets.storage import atomic
from llmops_assets.tasks.chat_template import TURN_END

Found = TypeVar("Found")
BATCH = 8
"""Rows worked on at once by a core: a step reads all weights, so a few more rows cost little."""
SLOTS = 4


def ask_folders(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A child's side: float32 answers and log-probabilities of model folders.

    Args:
        spec: `questions`; `base` and `cache`, to load an adapter on; `max_tokens`; `cases`, how many of the first
            conversations the hash of the prompts is taken of.
        work: not used.

    Returns:
        By stage {"prompts", "texts", "logprobs"}.

    Raises:
        TrainingError: the adapter does not fit the base.
    """
    del work
    return {question["stage"]: _ask_folder(question, spec) for question in spec["questions"]}


def _ask_folder(question: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    from llmops_assets.training.base_model import load_tokenizer, resolve_base

    def report(line: str) -> None:
        say(f"{question['stage']}: {line}")

    started = time.monotonic()
    adapter = question["adapter"]
    folder = resolve_base(spec["base"], Path(spec["cache"])).folder if adapter else Path(question["folder"])
    tokenizer, model = load_tokenizer(folder), _load(folder, adapter)
    ids = [_prompt(tokenizer, messages) for messages in question["conversations"]]
    # The cases stand in the same batches in every stage, so that no sum is taken in another order for the company's sake.
    parts = (ids[: spec["cases"]], ids[spec["cases"] :])
    texts = [text for part in parts for text in answers_of(model, tokenizer, part, spec["max_tokens"], report)]
    rows = [(_prompt(tokenizer, messages), answer) for messages, answer in question["continuations"]]
    logprobs = logprobs_of(model, tokenizer, rows)
    report(f"{len(texts)} answers and {len(rows)} log-probabilities in {time.monotonic() - started:.1f} s")
    return {"prompts": atomic.sha256_json(ids[: spec["cases"]]), "texts": texts, "logprobs": logprobs}


def _load(folder: Path, adapter: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from llmops_assets.training.merging import load_adapted

    if adapter:
        # PEFT's own wrapper changes itself while it generates; below it the adapter is on just as well.
        return load_adapted(folder, Path(adapter)).get_base_model()
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval()


def _prompt(tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> list[int]:
    ids: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    return ids


def answers_of(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], max_tokens: int, report: Callable[[str], None]
) -> list[str]:
    """Greedy answers in the order of the prompts; a batch ends as soon as each of its answers has."""
    end, pad, done = tokenizer.eos_token_id, tokenizer.pad_token_id, count(1)
    settings = {"do_sample": False, "max_new_tokens": max_tokens, "eos_token_id": end, "pad_token_id": pad}
    batches = _batches([len(ids) for ids in prompts])

    def answer(places: list[int]) -> list[str]:
        # Padding stands left, so that all answers begin in the same column.
        rows = _padded([prompts[place] for place in places], pad, left=True)
        said = model.generate(**rows, **settings)[:, rows["input_ids"].shape[1] :].tolist()
        report(f"batch {next(done)}/{len(batches)} answered")
        return [tokenizer.decode(tokens[: tokens.index(end)] if end in tokens else tokens) for tokens in said]

    return _in_order(answer, batches)


def logprobs_of(model: Any, tokenizer: Any, rows: Sequence[tuple[list[int], str]]) -> list[float]:
    """Log p(answer and end of turn | prompt) in nats, a row each."""
    import torch

    answers = [tokenizer(f"{answer}{TURN_END}", add_special_tokens=False)["input_ids"] for _, answer in rows]
    whole = [[*prompt, *answer] for (prompt, _), answer in zip(rows, answers, strict=True)]

    def score(places: list[int]) -> list[float]:
        logits = model(**_padded([whole[place] for place in places], tokenizer.pad_token_id)).logits
        found = []
        for line, place in enumerate(places):
            first, last = len(rows[place][0]), len(whole[place])
            scores = logits[line, first - 1 : last - 1].log_softmax(-1)
            picked = scores[torch.arange(last - first), torch.tensor(answers[place])]
            found.append(float(picked.double().sum()))
        return found

    return _in_order(score, _batches([len(ids) for ids in whole]))


def _padded(rows: Sequence[list[int]], pad: int, *, left: bool = False) -> dict[str, Any]:
    import torch

    width = max(map(len, rows))
    gaps = [width - len(row) for row in rows]
    ids = [[pad] * gap + row if left else row + [pad] * gap for row, gap in zip(rows, gaps, strict=True)]
    mask = [[0] * gap + [1] * (width - gap) if left else [1] * (width - gap) + [0] * gap for gap in gaps]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def _in_order(work: Callable[[list[int]], list[Found]], batches: Sequence[list[int]]) -> list[Found]:
    """What `work` says of each place, in the order of the places; a core works on one batch."""
    import torch

    with torch.no_grad():
        said = at_once(work, batches)
    found = [pair for places, ones in zip(batches, said, strict=True) for pair in zip(places, ones, strict=True)]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Places of like length together."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def ask_files(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A child's side: what the engine answers from GGUF files, without a server.

    Args:
        spec: `files`, path by stage; `conversations`; `max_tokens`; `context`, in tokens.
        work: not used.

    Returns:
        By stage {"prompts", "texts", "prompt_tokens"}.

    Raises:
        ServingError: llama.cpp cannot load a file or continue a prompt.
    """
    del work
    from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
    from llmops_assets.serving.engine_group import EngineGroup, complete_all
    from llmops_assets.serving.options import Sampling
    from llmops_assets.serving.prompting import render_prompt

    prompts = [render_prompt(GO_TEMPLATE, messages) for messages in spec["conversations"]]
    sampling = Sampling.greedy(max_tokens=spec["max_tokens"], stop=STOPS)
    found = {}
    for stage, path in spec["files"].items():
        started = time.monotonic()
        engine = EngineGroup(Path(path), context=spec["context"], slots=SLOTS)
        ids = [engine.tokenize(prompt) for prompt in prompts]
        texts = complete_all(engine, prompts, sampling)
        engine.close()
        counts = [len(tokens) for tokens in ids]
        found[stage] = {"prompts": atomic.sha256_json(ids), "texts": texts, "prompt_tokens": counts}
        say(f"{stage}: {len(texts)} answers, {time.monotonic() - started:.1f} s")
    return found


def remake_f16(spec: dict[str, Any], work: Path) -> dict[str, Any]:
    """A child's side: the F16 file that the export measured by, made again into `work` and known by its digest.

    Args:
        spec: `folder` of the DPO model, `name` of the model, `sha256` of the file that the export made.
        work: gets `f16.gguf`, if it is the same.

    Returns:
        `same`: whether it is that very file.

    Raises:
        ExportError: the model cannot be written.
    """
    from llmops_assets.export.gguf import write_gguf

    path = work / "f16.gguf"
    write_gguf(Path(spec["folder"]), path, spec["name"])
    same = atomic.sha256_file(path) == spec["sha256"]
    if not same:
        path.unlink()
    return {"same": same}
