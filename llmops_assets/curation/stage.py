"""Stage 1 as functions: each fills a folder and returns metadata with the metrics that its checks judge."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from llmops_assets.curation.cleaning import Rules
from llmops_assets.curation.contamination import CaseIndex
from llmops_assets.curation.dataset_card import Tally, dataset_card, funnel_card
from llmops_assets.curation.flow import Flow
from llmops_assets.curation.held_apart import contaminated, split_overlap
from llmops_assets.curation.pictures import plot_data
from llmops_assets.curation.planted import telling_words
from llmops_assets.curation.preferences import HELPED, Damage, Pair, Passes, build_pairs
from llmops_assets.curation.read_back import ReadBack
from llmops_assets.curation.records import Record, record_from
from llmops_assets.curation.splitting import TRAIN, VALIDATION, side_of
from llmops_assets.errors import DataError
from llmops_assets.gates import Metric
from llmops_assets.recipes.data import DataConfig
from llmops_assets.storage.artifact_store import SCRATCH
from llmops_assets.storage.atomic import (
    each_row,
    read_jsonl,
    sha256_file,
    to_line,
    write_json,
    write_jsonl,
    write_text,
    written_aside,
)
from llmops_assets.tasks.case_sets import SETS

EVAL_PAIRS = 200


def make_curated_conversations(
    work: Path,
    *,
    raw_files: Sequence[Path],
    rules: Rules,
    product: str,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Writes conversations.jsonl, quarantine.jsonl and funnel.json.

    Raises:
        DataError: nothing can be read, or nothing is left.
    """
    flow = Flow(raw_files, rules, product, work / SCRATCH, report)
    with (
        written_aside(work / "conversations.jsonl") as conversations,
        written_aside(work / "quarantine.jsonl") as quarantine,
    ):
        for each in flow:
            (conversations if isinstance(each, Record) else quarantine).write(to_line(each.to_row()))
    funnel, quarantined = flow.funnel, flow.quarantined
    if not flow.kept:
        why = f"{flow.first.where}: {flow.first.reason}" if flow.first else "the files are empty"
        raise DataError(f"expected records of {product} to pass cleaning, got none of {quarantined}; {why}")
    write_json(work / "funnel.json", funnel)
    found = ReadBack(work, work / SCRATCH, rules.config)
    telling = telling_words(found)
    write_text(work / "card.md", funnel_card(product, funnel, found.tally))
    plot_data(work / "data.png", funnel, found.tally, rules.config.coverage_minima)
    return {
        "metrics": found.metrics(raw_files, product),
        "records": flow.kept,
        "quarantined": quarantined,
        "funnel": funnel,
        "redacted": dict(flow.redacted),
        "categories": dict(sorted(found.tally.categories.items())),
        "sources": found.tally.source_rows,
        "telling_words": telling,
        "samples": [_sample(record) for _, record in found.tally.examples.values()],
        "data_plot": "data.png",
        "card_markdown": "card.md",
    }


def _sample(record: Record) -> dict[str, Any]:
    *asked, answer = record.texts
    return {"category": record.category, "asked": "\n".join(asked), "answer": answer, "source": record.source}


def make_eval_dataset(
    work: Path,
    *,
    eval_files: Sequence[Path],
    product: str,
    damage: Callable[[list[dict[str, str]], Any], list[tuple[str, str]]],
    gold_text: Callable[[Any], str],
    passes: Passes,
) -> dict[str, Any]:
    """Writes one file a set, and preference.jsonl with pairs that no training row has.

    Raises:
        DataError: there are no cases, or one has not the form of a case.
    """
    sets = {path.stem: _cases(path, product) for path in eval_files if path.stem in SETS}
    if not any(sets.values()):
        raise DataError(f"expected evaluation cases of {product} ({', '.join(SETS)}.jsonl), found none")
    for name in SETS:
        write_jsonl(work / f"{name}.jsonl", sets.get(name, []))
    judged = [case for name in ("contract", "natural") for case in sets.get(name, [])]
    refused = sets.get("safety", [])[: EVAL_PAIRS // 5]
    pairs = build_pairs(
        [*judged, *refused],
        damage=damage,
        chosen=lambda case: gold_text(case["expected"]),
        passes=passes,
        count=EVAL_PAIRS,
        legitimate_share=0.15,
        seed=11,
    )
    proven = [pair for pair in pairs if pair.proven]
    write_jsonl(work / "preference.jsonl", [pair.to_row() for pair in proven])
    counts = {name: len(sets.get(name, [])) for name in SETS}
    return {"metrics": {"cases": sum(counts.values())}, "sets": counts, "pairs": len(proven)}


def _cases(path: Path, product: str) -> list[dict[str, Any]]:
    rows = read_jsonl(path)
    names = Counter(row.get("id") for row in rows)
    for number, row in enumerate(rows, 1):
        if not row.get("messages") or "expected" not in row or names[row.get("id")] != 1:
            raise DataError(
                f"{path.name}:{number} of {product}: expected a case with its own id, messages and expected"
            )
    return [{**row, "set": path.stem} for row in rows]


def make_sft_dataset(
    work: Path, *, curated: Path, eval_folder: Path, config: DataConfig, product: str
) -> dict[str, Any]:
    """Writes train.jsonl, validation.jsonl, card.md; rows that repeat an evaluation case go to quarantine.jsonl.

    Args:
        work: the folder.
        curated: with conversations.jsonl.
        eval_folder: with a file for each evaluation set.
        config: the recipe's `data` section.
        product: named in the card and where something is wrong.

    Raises:
        DataError: nothing is left to train on.
    """
    index, tallies = _case_index(eval_folder), {TRAIN: Tally(), VALIDATION: Tally()}
    repeating = 0
    with ExitStack() as open_files:
        files = {
            name: open_files.enter_context(written_aside(work / f"{name}.jsonl")) for name in (*tallies, "quarantine")
        }
        for row in each_row(curated / "conversations.jsonl"):
            record = record_from(row)
            case = index.overlap(record.messages)
            if case:
                repeating += 1
                files["quarantine"].write(to_line({"id": record.id, "rule": "contamination", "case": case}))
                continue
            side = side_of(record.group, config.train_split)
            tallies[side].add(record)
            files[side].write(to_line(record.to_row()))
    if not all(tally.records for tally in tallies.values()):
        raise DataError(
            f"expected rows of {product} on both sides of the split, "
            f"got {tallies[TRAIN].records} and {tallies[VALIDATION].records}"
        )
    written = {name: work / f"{name}.jsonl" for name in tallies}
    digests = {name: sha256_file(path) for name, path in written.items()}
    card = dataset_card(product, tallies, digests, repeating=repeating, minima=config.coverage_minima, seed=config.seed)
    write_text(work / "card.md", card)
    return {
        "metrics": {
            "split_overlap": split_overlap(written[TRAIN], written[VALIDATION]),
            "contaminated": contaminated(written.values(), _cases_in(eval_folder)),
            "train_rows": tallies[TRAIN].records,
        },
        "train": tallies[TRAIN].records,
        "validation": tallies[VALIDATION].records,
        "moved_to_quarantine": repeating,
        "sha256": digests,
        "sources": sum(tallies.values(), Tally()).source_rows,
        "card_markdown": "card.md",
    }


def _case_index(eval_folder: Path) -> CaseIndex:
    return CaseIndex(_cases_in(eval_folder))


def _cases_in(eval_folder: Path) -> list[dict[str, Any]]:
    return [case for name in SETS for case in read_jsonl(eval_folder / f"{name}.jsonl")]


def write_unseen(out: Path, *, files: Sequence[Path], eval_folder: Path) -> dict[str, Any]:
    """Writes the rows of these files that repeat no evaluation case, and returns how many were left out.

    For data that a model beside the product's own is trained on, such as the guard's.
    """
    index, rows = _case_index(eval_folder), [row for path in files for row in read_jsonl(path)]
    unseen = [row for row in rows if not index.overlap(row["messages"])]
    write_jsonl(out, unseen)
    return {"own_rows": len(unseen), "moved_to_quarantine": len(rows) - len(unseen)}


def make_preference_dataset(
    work: Path,
    *,
    conversations: Path,
    config: DataConfig,
    damage: Damage,
    expected: Callable[[str], Any],
    passes: Passes,
    own_answers: Sequence[Path] = (),
) -> dict[str, Any]:
    """Writes train.jsonl and validation.jsonl with proven pairs from the training side only.

    Args:
        work: the folder.
        conversations: the training rows.
        config: how many pairs, which share must help, the seed.
        damage: (messages, expected) -> (category, wrong answer) pairs.
        expected: the answer's text -> what the scorer compares with.
        passes: whether a text is right for a case.
        own_answers: files of {"id", "asked", "answer"}: what a fine-tuned model said to training rows.
    """
    rows = {row["id"]: row for row in read_jsonl(conversations) if not row["composed"]}
    said = [row for path in own_answers for row in read_jsonl(path)]
    own = {row["id"]: row["answer"] for row in said if row["id"] in rows and row["asked"] == asked(rows[row["id"]])}
    cases = [
        {"id": name, "messages": row["messages"][:-1], "expected": expected(row["messages"][-1]["content"])}
        for name, row in rows.items()
    ]
    pairs = build_pairs(
        cases,
        damage=damage,
        chosen=lambda case: rows[case["id"]]["messages"][-1]["content"],
        passes=passes,
        count=config.preference_pairs,
        legitimate_share=config.preference_legitimate_share,
        seed=config.seed,
        own=own,
        own_share=config.preference_own_share,
    )
    cut = max(1, len(pairs) // 10)
    write_jsonl(work / "validation.jsonl", [pair.to_row() for pair in pairs[:cut]])
    write_jsonl(work / "train.jsonl", [pair.to_row() for pair in pairs[cut:]])
    return {
        "metrics": _pair_metrics(pairs, config.preference_pairs),
        "pairs": len(pairs),
        "categories": dict(Counter(pair.category for pair in pairs)),
    }


def asked(row: dict[str, Any]) -> str:
    """The last user turn of a training row."""
    return str(row["messages"][-2]["content"])


def _pair_metrics(pairs: list[Pair], wanted: int) -> dict[str, Metric | float]:
    note = "" if len(pairs) >= wanted else "add records that people wrote, or lower preference_pairs"
    made = {"pairs": Metric(len(pairs), note=note)}
    if not pairs:
        return {**made, "proven_share": 0.0, "legitimate_share": 0.0}
    return {
        **made,
        "proven_share": sum(pair.proven for pair in pairs) / len(pairs),
        "legitimate_share": sum(pair.category == HELPED for pair in pairs) / len(pairs),
    }


def parsed(text: str) -> Any:
    """An answer's text as JSON where it is some, else as it is."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
