"""Stage 1: raw files -> curated_conversations -> sft_dataset, preference_dataset; eval_dataset beside them."""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from llmops_assets.curation import stage
from llmops_assets.curation.cleaning import Rules
from llmops_assets.curation.composing.commands import GENERATOR_VERSION, Parts, compose
from llmops_assets.curation.formats import lines_in, record_of
from llmops_assets.curation.records import Record
from llmops_assets.curation.reviewing import read_decisions
from llmops_assets.pipeline.copies import copied
from llmops_assets.pipeline.grounds import case_files, case_settings
from llmops_assets.pipeline.workshop import Made, Workshop, digests, file_digests, metadata
from llmops_assets.storage import atomic
from llmops_assets.tasks.answers import json_object
from llmops_assets.tasks.registry import get_task


def raw_files(shop: Workshop, kind: str = "") -> list[Path]:
    """The JSONL files that a user or a collector dropped for this product: conversations, or those in the folder `kind`."""
    return [path for path in sorted((shop.raw / kind).glob("*.jsonl")) if not _stranger(shop, path)]


def strangers(shop: Workshop) -> dict[str, str]:
    """What lies among the raw files and is not read, and why."""
    found = {path.relative_to(shop.raw).as_posix(): _stranger(shop, path) for path in sorted(shop.raw.rglob("*"))}
    return {name.encode(errors="replace").decode(): reason for name, reason in found.items() if reason}


def _stranger(shop: Workshop, path: Path) -> str:
    # Not `Path.resolve`, which raises where links lead in a circle.
    if not Path(os.path.realpath(path)).is_relative_to(shop.raw.resolve()):
        return "a link that leads out of the raw folder"
    if not path.name.isprintable():
        return "a name with bytes that are no text"
    if path.is_dir():
        return ""
    if not path.is_file():
        return "no plain file"
    return "" if path.suffix == ".jsonl" else "no .jsonl file"


def curated_conversations(shop: Workshop) -> Made:
    """Reads, composes, cleans and redacts; what is rejected goes to quarantine with its rule and reason."""
    files, config = raw_files(shop), shop.recipe.data
    parts = raw_files(shop, "parts")
    reviewed = [path for path in [review_file(shop)] if path.exists()]

    def make(work: Path) -> dict[str, Any]:
        refusal = get_task(shop.recipe.task).refusal_text
        rules = Rules(config, _token_counter(shop), refusal, read_decisions(review_file(shop)))
        composed = _compose(shop, files, parts, work / "scratch" / "composed.jsonl")
        found = stage.make_curated_conversations(
            work,
            raw_files=[*files, *composed],
            rules=rules,
            product=shop.product,
            report=shop.report,
        )
        return metadata(found.pop("metrics"), **found, not_read=strangers(shop))

    settings = {"data": config.settings, "generator": GENERATOR_VERSION, "task": shop.recipe.task}
    return shop.build(
        "curated_conversations",
        inputs=file_digests([*files, *parts, *reviewed], shop.project.data),
        settings=settings,
        make=make,
    )


def review_file(shop: Workshop) -> Path:
    """Where people's decisions on this product's records lie."""
    return shop.project.data / "review" / f"{shop.product}.jsonl"


def _compose(shop: Workshop, files: list[Path], parts: list[Path], out: Path) -> list[Path]:
    count = shop.recipe.data.composed_rows
    if not count:
        return []
    read = [each for each in map(record_of, lines_in(files, shop.product)) if isinstance(each, Record)]
    words = [row for path in parts for row in atomic.read_jsonl(path)]
    atomic.write_jsonl(out, compose(_parts(read, words), count=count, seed=shop.recipe.data.seed))
    return [out]


def _parts(records: list[Record], words: list[dict[str, Any]]) -> Parts:
    """Titles, dates, repetitions and references that people wrote, and those that packages carry."""
    written = ("create", "update", "complete", "delete", "list")
    answers = [
        _texts(json_object(text)) for record in records if record.category in written for text in record.texts[-1:]
    ]
    titles = [answer["title"] for answer in answers if answer.get("action") == "create" and "title" in answer]

    def unique(key: str, kind: str) -> tuple[str, ...]:
        own = [answer[key] for answer in answers if key in answer]
        return tuple(dict.fromkeys(own + [word["text"] for word in words if word["kind"] == kind]))

    borrowed = [word["text"] for word in words if word["kind"] == "title"][::3]
    references = [answer["task"] for answer in answers if "task" in answer and not answer["task"].isdigit()]
    return Parts(
        tuple(dict.fromkeys(titles + borrowed)),
        unique("due", "due"),
        unique("repeat", "repeat"),
        tuple(dict.fromkeys(references)),
    )


def _texts(answer: dict[str, Any]) -> dict[str, str]:
    """The fields that are text: nobody promises that of an answer that was dropped."""
    return {key: value for key, value in answer.items() if isinstance(value, str)}


@dataclass(frozen=True)
class TokenCounter:
    """Counts tokens of a tokenizer file; travels to other processes as its path."""

    file: str

    def __call__(self, text: str) -> int:
        """How many tokens the text has."""
        return len(_tokenizer(self.file).encode(text, add_special_tokens=False))


@lru_cache(maxsize=2)
def _tokenizer(file: str) -> Any:
    # Not by transformers: it would cost this process, which lives as long as the run, seven seconds and 400 MB.
    from tokenizers import Tokenizer

    return Tokenizer.from_file(file)


def _token_counter(shop: Workshop) -> TokenCounter:
    from llmops_assets.training.base_model import resolve_base

    return TokenCounter(str(resolve_base(shop.recipe.training.base_model, shop.cache).folder / "tokenizer.json"))


def eval_dataset(shop: Workshop) -> Made:
    """Copies and validates the frozen cases, and builds the held-out preference pairs from them."""
    inputs, task = case_files(shop.product, shop.project.data), get_task(shop.recipe.task)

    def make(work: Path) -> dict[str, Any]:
        found = stage.make_eval_dataset(
            work,
            eval_files=[shop.project.data / name for name in inputs],
            product=shop.product,
            damage=task.damage,
            gold_text=task.gold_text,
            passes=lambda text, case: task.accuracy(text, case).value == 1,
        )
        return metadata(found.pop("metrics"), **found)

    return shop.build("eval_dataset", inputs=inputs, settings=case_settings(shop.recipe), make=make)


def sft_dataset(shop: Workshop) -> Made:
    """Splits by group into train and validation; what resembles an evaluation case goes to quarantine."""
    curated, cases = shop.need("curated_conversations"), shop.need("eval_dataset")
    config = shop.recipe.data

    def make(work: Path) -> dict[str, Any]:
        found = stage.make_sft_dataset(
            work,
            curated=curated.path,
            eval_folder=cases.path,
            config=config,
            product=shop.product,
        )
        return metadata(found.pop("metrics"), **found)

    made = shop.build("sft_dataset", inputs=digests(curated, cases), settings=config.settings, make=make)
    return copied(made, shop.project.root, config.output_path)


def preference_dataset(shop: Workshop) -> Made:
    """Pairs of a right and a wrong answer to training requests, each proven by the scorers."""
    data, config, task = shop.need("sft_dataset"), shop.recipe.data, get_task(shop.recipe.task)
    own = raw_files(shop, "own_answers")

    def make(work: Path) -> dict[str, Any]:
        found = stage.make_preference_dataset(
            work,
            conversations=data.file("train.jsonl"),
            config=config,
            damage=task.damage,
            expected=stage.parsed,
            passes=lambda text, case: task.accuracy(text, case).value == 1,
            own_answers=own,
        )
        return metadata(found.pop("metrics"), **found)

    inputs = {**digests(data), **file_digests(own, shop.project.data)}
    made = shop.build("preference_dataset", inputs=inputs, settings=config.settings, make=make)
    return copied(made, shop.project.root, config.output_path)
