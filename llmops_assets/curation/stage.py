"""Stage 1 as functions: each fills a folder and returns metadata with the metrics that its checks judge."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llmops_assets.curation import redaction
from llmops_assets.curation.cleaning import CountTokens, clean, schema_problem
from llmops_assets.curation.contamination import CaseIndex
from llmops_assets.curation.dataset_card import dataset_card, sources_of
from llmops_assets.curation.formats import read_files
from llmops_assets.curation.planted import telling_words
from llmops_assets.curation.preferences import HELPED, Damage, Pair, Passes, build_pairs
from llmops_assets.curation.records import Record, Rejected, record_from
from llmops_assets.curation.reviewing import UNREVIEWED, Decisions
from llmops_assets.curation.splitting import split
from llmops_assets.errors import DataError
from llmops_assets.recipes.data import DataConfig
from llmops_assets.storage.atomic import read_jsonl, sha256_file, write_json, write_jsonl, write_text

EVAL_SETS = ("contract", "natural", "safety", "legitimate")
EVAL_PAIRS = 200


def make_curated_conversations(
    work: Path,
    *,
    raw_files: Sequence[Path],
    config: DataConfig,
    count_tokens: CountTokens,
    product: str,
    decisions: Decisions = UNREVIEWED,
) -> dict[str, Any]:
    """Writes conversations.jsonl, quarantine.jsonl and funnel.json.

    Raises:
        DataError: nothing can be read, or nothing is left.
    """
    records, unreadable = read_files(raw_files, product)
    cleaned = clean(records, config, count_tokens, decisions)
    if not cleaned.kept:
        raise DataError(f"expected records of {product} to pass cleaning, got none of {len(records)}: {cleaned.funnel}")
    rejected = [*unreadable, *cleaned.rejected]
    write_jsonl(work / "conversations.jsonl", [record.to_row() for record in cleaned.kept])
    write_jsonl(work / "quarantine.jsonl", [row.to_row() for row in rejected])
    funnel = {"unreadable": len(unreadable), **cleaned.funnel}
    write_json(work / "funnel.json", funnel)
    categories = Counter(record.category for record in cleaned.kept)
    return {
        "metrics": _curation_metrics(cleaned.kept, cleaned.rejected, categories, config),
        "records": len(cleaned.kept),
        "quarantined": len(rejected),
        "funnel": funnel,
        "redacted": cleaned.redacted,
        "categories": dict(sorted(categories.items())),
        "sources": sources_of(cleaned.kept),
        "telling_words": telling_words(cleaned.kept),
    }


def _curation_metrics(
    kept: list[Record], rejected: list[Rejected], categories: Counter[str], config: DataConfig
) -> dict[str, float]:
    hashes = Counter(record.content_hash for record in kept)
    reached = [categories[name] >= least for name, least in config.coverage_minima.items()]
    licensed = [record.license in config.licences for record in kept]
    found = [redaction.redact(text, config.cleaning.pii_allowed)[1] for record in kept for text in record.texts]
    del rejected
    return {
        "schema_valid_share": sum(not schema_problem(record.messages) for record in kept) / len(kept),
        "duplicate_share": 1 - len(hashes) / len(kept),
        "secrets_left": sum(map(len, found)),
        "sellable_share": sum(licensed) / len(kept),
        "coverage": sum(reached) / len(reached) if reached else 1.0,
        "written_share": sum(not record.composed for record in kept) / len(kept),
    }


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
    sets = {path.stem: _cases(path, product) for path in eval_files if path.stem in EVAL_SETS}
    if not any(sets.values()):
        raise DataError(f"expected evaluation cases of {product} ({', '.join(EVAL_SETS)}.jsonl), found none")
    for name in EVAL_SETS:
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
    counts = {name: len(sets.get(name, [])) for name in EVAL_SETS}
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
    work: Path, *, conversations: Path, eval_folder: Path, config: DataConfig, product: str
) -> dict[str, Any]:
    """Writes train.jsonl, validation.jsonl, card.md; rows that repeat an evaluation case go to quarantine.jsonl.

    Raises:
        DataError: nothing is left to train on.
    """
    records = [record_from(row) for row in read_jsonl(conversations)]
    index = _case_index(eval_folder)
    clashes = {record.id: case for record in records if (case := index.overlap(record.messages))}
    clean_records = [record for record in records if record.id not in clashes]
    sides = split(clean_records, config.train_split)
    if not sides.train or not sides.validation:
        raise DataError(
            f"expected rows of {product} on both sides of the split, got {len(sides.train)} and {len(sides.validation)}"
        )
    write_jsonl(
        work / "train.jsonl", [row for record in sides.train for row in _repeated(record, config.written_repeats)]
    )
    write_jsonl(work / "validation.jsonl", [record.to_row() for record in sides.validation])
    write_jsonl(
        work / "quarantine.jsonl",
        [{"id": name, "rule": "contamination", "case": case} for name, case in clashes.items()],
    )
    digests = {name: sha256_file(work / f"{name}.jsonl") for name in ("train", "validation")}
    write_text(
        work / "card.md",
        dataset_card(product, {"train": sides.train, "validation": sides.validation}, digests, config.seed),
    )
    groups = {record.group for record in sides.train} & {record.group for record in sides.validation}
    return {
        "metrics": {
            "split_overlap": len(groups),
            "contaminated": sum(bool(index.overlap(record.messages)) for record in clean_records),
            "train_rows": len(sides.train),
        },
        "train": len(sides.train),
        "validation": len(sides.validation),
        "moved_to_quarantine": len(clashes),
        "sha256": digests,
        "sources": sources_of(clean_records),
        "card_markdown": "card.md",
    }


def _case_index(eval_folder: Path) -> CaseIndex:
    return CaseIndex(case for name in EVAL_SETS for case in read_jsonl(eval_folder / f"{name}.jsonl"))


def write_unseen(out: Path, *, files: Sequence[Path], eval_folder: Path) -> dict[str, Any]:
    """Writes the rows of these files that repeat no evaluation case, and returns how many were left out.

    For data that a model beside the product's own is trained on, such as the guard's.
    """
    index, rows = _case_index(eval_folder), [row for path in files for row in read_jsonl(path)]
    unseen = [row for row in rows if not index.overlap(row["messages"])]
    write_jsonl(out, unseen)
    return {"own_rows": len(unseen), "moved_to_quarantine": len(rows) - len(unseen)}


def _repeated(record: Record, times: int) -> list[dict[str, Any]]:
    """A row that a person wrote, so often as the recipe says; its copies are told apart by their id."""
    if record.composed or times == 1:
        return [record.to_row()]
    return [{**record.to_row(), "id": f"{record.id}/{number}"} for number in range(1, times + 1)]


def make_preference_dataset(
    work: Path,
    *,
    conversations: Path,
    config: DataConfig,
    damage: Damage,
    expected: Callable[[str], Any],
    passes: Passes,
) -> dict[str, Any]:
    """Writes train.jsonl and validation.jsonl with proven pairs from the training side only.

    Args:
        work: the folder.
        conversations: the training rows.
        config: how many pairs, which share must help, the seed.
        damage: (messages, expected) -> (category, wrong answer) pairs.
        expected: the answer's text -> what the scorer compares with.
        passes: whether a text is right for a case.
    """
    rows = {row["id"].split("/")[0]: row for row in read_jsonl(conversations) if not row["composed"]}
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
    )
    cut = max(1, len(pairs) // 10)
    write_jsonl(work / "validation.jsonl", [pair.to_row() for pair in pairs[:cut]])
    write_jsonl(work / "train.jsonl", [pair.to_row() for pair in pairs[cut:]])
    return {
        "metrics": _pair_metrics(pairs),
        "pairs": len(pairs),
        "categories": dict(Counter(pair.category for pair in pairs)),
    }


def _pair_metrics(pairs: list[Pair]) -> dict[str, float]:
    if not pairs:
        return {"proven_share": 0.0, "legitimate_share": 0.0}
    return {
        "proven_share": sum(pair.proven for pair in pairs) / len(pairs),
        "legitimate_share": sum(pair.category == HELPED for pair in pairs) / len(pairs),
    }


def parsed(text: str) -> Any:
    """An answer's text as JSON where it is some, else as it is."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text
