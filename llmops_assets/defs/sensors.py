"""Sensors; all come switched off and are switched on in the UI."""

import json
from pathlib import Path

import dagster as dg

from llmops_assets.defs.jobs import build_product
from llmops_assets.defs.partitions import PRODUCTS
from llmops_assets.pipeline.workshop import raw_folder
from llmops_assets.project import find_project
from llmops_assets.recipes.loading import load_recipes
from llmops_assets.storage.atomic import sha256_file, sha256_json


def data_version(folder: Path) -> str:
    """The digest of a product's raw data: paths and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    return sha256_json({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})[:16] if files else ""


@dg.sensor(job=build_product, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.STOPPED)
def data_folder_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run for each product whose raw files changed since the last tick."""
    known: dict[str, str] = json.loads(context.cursor or "{}")
    project = find_project()
    recipes = load_recipes(project.recipes)
    # A product whose recipe came after the definitions were loaded has no partition yet.
    loaded = [product for product in PRODUCTS.get_partition_keys() if product in recipes]
    now = {product: data_version(raw_folder(project, recipes[product])) for product in loaded}
    changed = [product for product, version in now.items() if version and version != known.get(product)]
    if not changed:
        return dg.SkipReason("no product has new data")
    # No run key: one that was used is never run again, and the way back to older data is a change as well. The cursor
    # tells what was asked for; a run too many finds everything cached.
    requests = [dg.RunRequest(partition_key=product, tags={"llmops/data_version": now[product]}) for product in changed]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(now))
