"""Copies of what came out, where a recipe asks for them (`data.output_path`, `training.output_dir`): for people and other tools."""

import shutil
from pathlib import Path

from llmops_assets.pipeline.workshop import Made
from llmops_assets.storage import atomic
from llmops_assets.storage.manifests import MANIFEST, is_whole, read_manifest


def copied(made: Made, root: Path, folder: str) -> Made:
    """Keeps `<folder>/<asset>` a copy of the artifact that passed its gates; nothing happens where no folder is named.

    Args:
        made: the step's outcome, handed back.
        root: the project, from which the folder counts.
        folder: as the recipe names it; empty: no copy is wanted.

    Raises:
        StoreError: the disk refused.
    """
    artifact = made.artifact
    if not folder or not made.verdict.passed or artifact.dropped:
        return made
    target = root / folder / artifact.asset
    if not is_whole(target, read_manifest(artifact.path, artifact.asset)["files"]):
        aside = target.with_name(f".{target.name}.part")
        with atomic.disk_errors(target.parent):
            shutil.rmtree(aside, ignore_errors=True)
            shutil.copytree(artifact.path, aside, ignore=shutil.ignore_patterns(MANIFEST))
            shutil.rmtree(target, ignore_errors=True)
            aside.replace(target)
    return made
