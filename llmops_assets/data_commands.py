"""`llmops collect`, `llmops data` and `llmops review`: the commands that look at a product's records."""

import argparse
from typing import Any

from llmops_assets.console import say
from llmops_assets.errors import StoreError
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import find_project
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact

DATASET = "sft_dataset"


def collect(options: argparse.Namespace) -> int:
    """Rebuilds what collectors gather for a product, or gathers the wrong answers of its own model."""
    from llmops_assets.curation.collecting.collectors import collect as gather
    from llmops_assets.pipeline.own_answers import gather_own_answers

    project = find_project()
    shop = Workshop.named(project, options.product, say)
    if options.own_answers:
        file, wrong = gather_own_answers(shop, options.own_answers)
        say(f"{file}: {wrong} wrong answers of {options.own_answers}")
        return 0
    for path, rows in gather(shop.product, project.data, say, cache=project.home / "cache" / "packages").items():
        say(f"{path}: {rows} rows")
    return 0


def data(options: argparse.Namespace) -> int:
    """Lists the versions of a product's training data, or shows what two of them differ in."""
    from llmops_assets.curation.comparing import compare_datasets, describe

    shop = Workshop.named(find_project(), options.product, say)
    if options.view == "versions":
        return data_versions(shop)
    older, newer = two_versions(shop, options.versions)
    say(f"{shop.product}: {older.digest[:12]} -> {newer.digest[:12]}")
    for line in describe(compare_datasets(_splits(older), _splits(newer)), most=options.most):
        say(line)
    return 0


def data_versions(shop: Workshop) -> int:
    """Prints a line a version of the training data that this machine made, the oldest first."""
    from llmops_assets.curation.comparing import FIRST, KINDS, bumped, compare_datasets

    version, before = FIRST, None
    for digest in reversed(shop.store.versions(DATASET, shop.product)):
        now = _splits(shop.store.load(DATASET, shop.product, digest))
        counts = f"{len(now['train'])} train, {len(now['validation'])} validation"
        if before is not None:
            diff = compare_datasets(before, now)
            version = bumped(version, diff)
            counts += "".join(f", {len(diff.of_kind(kind))} {kind}" for kind in KINDS if diff.of_kind(kind))
        say(f"{'.'.join(map(str, version)):>8}  {digest[:12]}  {counts}")
        before = now
    if before is None:
        say(f"{shop.product} has no training data yet; run `llmops run {shop.product} --stage data`")
    return 0


def two_versions(shop: Workshop, names: list[str]) -> tuple[Artifact, Artifact]:
    """The older and the newer version of the training data: those named, or the last two.

    Raises:
        StoreError: there are not two.
    """
    known = shop.store.versions(DATASET, shop.product)
    if len(names) > 2 or (len(names) < 2 and len(known) < 2):
        raise StoreError(
            f"expected two versions of the training data of {shop.product}, got {len(names) or len(known)}: "
            f"{', '.join(digest[:12] for digest in known) or 'none'}; run `llmops run {shop.product} --stage data`"
        )
    chosen = names if len(names) == 2 else [*names, known[0]] if names else [known[1], known[0]]
    older, newer = (shop.store.named(DATASET, shop.product, name) for name in chosen)
    return older, newer


def _splits(dataset: Artifact) -> dict[str, list[dict[str, Any]]]:
    return {name: atomic.read_jsonl(dataset.file(f"{name}.jsonl")) for name in ("train", "validation")}


def review(options: argparse.Namespace) -> int:
    """Serves the review of a product's cleaned records on this machine, or lists what is left."""
    from llmops_assets.curation.records import record_from
    from llmops_assets.curation.review_page import Review, review_app
    from llmops_assets.pipeline.data import review_file

    shop = Workshop.named(find_project(), options.product, say)
    curated = shop.store.latest("curated_conversations", shop.product)
    records = [record_from(row) for row in atomic.read_jsonl(curated.file("conversations.jsonl"))]
    found = Review(shop.product, records, review_file(shop))
    if options.list:
        for offer in found.open_offers():
            say(f"{offer.record.id}: {offer.why}: {' | '.join(offer.record.texts)}")
        return 0
    import uvicorn

    say(f"{len(found.open_offers())} records to look at on http://127.0.0.1:{options.port}; stop with Ctrl-C")
    uvicorn.run(review_app(found), host="127.0.0.1", port=options.port, log_level="warning")
    return 0
