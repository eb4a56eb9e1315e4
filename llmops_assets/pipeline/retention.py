"""Which versions of a product's artifacts stay whole, and which give their files back: what `llmops gc` does to the store.

Manifests and verdicts stay in any case, so lineage can be read back to the first version.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.deployment.rollback import RECORD
from llmops_assets.errors import StoreError
from llmops_assets.pipeline import graph
from llmops_assets.pipeline.deployed import newest_first, rollout_state
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.storage.leases import alone_with
from llmops_assets.storage.manifests import MANIFEST, pointed_at, read_manifest

REPORT, DEPLOYMENT, BUNDLE = "eval_report", "ollama_deployment", "product_bundle"
EVIDENCE = (REPORT, DEPLOYMENT)
"""Small, and asked for by `llmops compare` and by audits: whole for ever."""
REMADE = ("sft_adapter", "merged_model", "dpo_model")
"""Most of the disk, and needed by no release once its GGUF stands: the data they are remade from stay, they do not."""
SERVING = 2
"""What serves, and what `:previous` goes back to."""


@dataclass(frozen=True)
class Version:
    """One version of an artifact, by digest; or the folder of unfinished work, by its name."""

    asset: str
    name: str
    path: Path
    size: int
    """Bytes that deleting its files gives back."""


@dataclass(frozen=True)
class Collected:
    """What a collection gave back or would give back, and what it had to leave."""

    gone: tuple[Version, ...]
    in_use: tuple[Version, ...]
    busy: tuple[str, ...]
    """Assets that are being made right now: none of their versions was looked at."""


def collect(shop: Workshop, *, delete: bool) -> Collected:
    """Finds what the recipe's retention lets go, and gives its files back if told so.

    What is newest, what serves, what served before and what a bundle names is never touched; neither is what a running job reads.

    Raises:
        StoreError: a manifest that must be read to know what is needed is damaged, or other machines use the store and
            may be reading what goes; nothing was deleted.
    """
    if shop.store.shared:
        raise StoreError(
            f"expected a store in a folder of this machine, got one that others share (LLMOPS_STORE); what they read of {shop.product} "
            "cannot be seen from here; delete old versions there by hand while nothing runs"
        )
    with contextlib.ExitStack() as held:
        idle = [node.name for node in graph.NODES if _held(held, shop.store.folder(node.name, shop.product) / ".lock")]
        found = [version for asset in idle for version in (*_unfinished(shop, asset), *_old(shop, asset))]
        free = [version for version in found if _held(held, version.path)]
        # Read after the leases are taken: who finishes a bundle until now is seen here, who works on one has leases.
        needed = _needed(shop)
        gone = tuple(version for version in free if (version.asset, version.name) not in needed)
        for version in gone if delete else ():
            _give_back(shop, version)
    in_use = tuple(version for version in found if version not in free)
    made = [node.name for node in graph.NODES if shop.store.folder(node.name, shop.product).exists()]
    return Collected(gone, in_use, tuple(asset for asset in made if asset not in idle))


def _held(held: contextlib.ExitStack, path: Path) -> bool:
    return path.exists() and held.enter_context(alone_with(path))


def _unfinished(shop: Workshop, asset: str) -> Iterator[Version]:
    """What killed builds left; nobody builds this asset now, for its lock is ours."""
    for path in sorted(shop.store.folder(asset, shop.product).glob(".work-*")):
        yield Version(
            asset, path.name, path, sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
        )


def _old(shop: Workshop, asset: str) -> Iterator[Version]:
    """Versions beyond the newest ones that still have files."""
    folder = shop.store.folder(asset, shop.product)
    for digest in [] if asset in EVIDENCE else newest_first(shop, asset)[shop.recipe.retention.versions :]:
        manifest = read_manifest(folder / digest, f"{asset} of {shop.product}")
        files = [folder / digest / name for name in manifest["files"]]
        size = sum(file.stat().st_size for file in files if file.exists())
        if size:
            yield Version(asset, digest, folder / digest, size)


def _needed(shop: Workshop) -> set[tuple[str, str]]:
    """What serves, what served before, the newest bundles, and all that these name, back to the data."""
    todo = [(DEPLOYMENT, digest) for digest in _serving(shop)]
    todo += [(BUNDLE, digest) for digest in newest_first(shop, BUNDLE)[: shop.recipe.retention.bundles]]
    seen: set[tuple[str, str]] = set()
    while todo:
        asset, digest = todo.pop()
        folder = shop.store.folder(asset, shop.product) / digest
        if (asset, digest) in seen or not folder.exists():
            continue
        seen.add((asset, digest))
        inputs = read_manifest(folder, f"{asset} of {shop.product}")["inputs"]
        todo += [(name, named) for name, named in inputs.items() if name in graph.BY_NAME]
    return {(asset, digest) for asset, digest in seen if asset not in REMADE}


def _serving(shop: Workshop) -> list[str]:
    """The deployments of the last versions that were not taken back."""
    record = ReleaseRecord(rollout_state(shop) / RECORD)
    found: dict[str, str] = {}
    for digest in newest_first(shop, DEPLOYMENT):
        folder = shop.store.folder(DEPLOYMENT, shop.product) / digest
        shown = read_manifest(folder, f"{DEPLOYMENT} of {shop.product}")["metadata"]["shown"]
        if not record.withdrawn(shown["version"]):
            found.setdefault(shown["version"], digest)
    return list(found.values())[:SERVING]


def _give_back(shop: Workshop, version: Version) -> None:
    """Deletes files; a version counts as never made, so that the same work makes them again where it is asked for."""
    if version.name.startswith("."):
        shutil.rmtree(version.path)
        return
    for memo in version.path.parent.glob("by_key/*.json"):
        if pointed_at(memo) == version.name:
            memo.unlink()
    made = (version.path / MANIFEST).stat()
    shop.store.drop_files(shop.store.load(version.asset, shop.product, version.name))
    # Versions that were made before they were numbered are ordered by their manifests' times.
    os.utime(version.path / MANIFEST, ns=(made.st_atime_ns, made.st_mtime_ns))
    for folder in sorted((path for path in version.path.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
