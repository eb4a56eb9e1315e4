"""`llmops gc` and `llmops skill`: the commands that keep a checkout in order, rather than make anything."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from llmops_assets import running
from llmops_assets.console import say
from llmops_assets.errors import StoreError
from llmops_assets.pipeline.retention import Collected, collect
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import Project, find_project
from llmops_assets.recipes.loading import Recipes, find_recipe, load_recipes
from llmops_assets.skill import install_skill
from llmops_assets.storage import growing_files
from llmops_assets.storage.leases import alone_with

MIB = 2**20
GROWING = {"ollama/*.log": (10 * MIB, MIB), "*.log": (10 * MIB, MIB), "requests/*.jsonl": (64 * MIB, 32 * MIB)}
"""Below the project's home: how long a file may grow, and how much of its end then stays."""

ABANDONED_S = 30 * 24 * 3600


def gc(options: argparse.Namespace) -> int:
    """Shows what the recipes' retention lets go and how much it is; deletes it where `--delete` says so."""
    project, delete = find_project(), bool(options.delete)
    recipes = load_recipes(project.recipes)
    chosen = [find_recipe(recipes, options.product)] if options.product else list(recipes.values())
    total, failed = 0, False
    for recipe in chosen:
        try:
            total += _versions(Workshop(project, recipe, say), delete)
        except StoreError as error:
            sys.stderr.write(f"llmops: {recipe.name}: {error}\n")
            failed = True
    total += _runs(project, {recipe.name: recipe.retention.runs for recipe in chosen}, delete)
    total += _growing(project, delete) + _checkpoints(project, delete)
    _strangers(project, recipes)
    say(f"{'deleted' if delete else 'would delete'} {_size(total)}{'' if delete else '; `llmops gc --delete` does it'}")
    return int(failed)


def _versions(shop: Workshop, delete: bool) -> int:
    found = collect(shop, delete=delete)
    say(f"{shop.product}: {_size(_sum(found))} in {len(found.gone)} versions beyond the recipe's retention")
    for version in found.gone:
        say(f"  {version.asset:<22} {version.name[:18]:<18} {_size(version.size):>10}")
    for version in found.in_use:
        say(f"  {version.asset:<22} {version.name[:18]:<18} is read by a running job: stays")
    for asset in found.busy:
        say(f"  {asset:<22} is being made: left alone")
    return _sum(found)


def _sum(found: Collected) -> int:
    return sum(version.size for version in found.gone)


def _runs(project: Project, keep: dict[str, int], delete: bool) -> int:
    from dagster import DagsterInstance

    from llmops_assets.resources.run_records import delete_run, old_runs, size_of

    running.dagster_home(project)
    with DagsterInstance.get() as instance:
        runs = old_runs(instance, {**keep, "": max(keep.values(), default=1)})
        total = sum(size_of(instance, run) for run in runs)
        for run in runs if delete else ():
            delete_run(instance, run)
    say(f"Dagster: {_size(total)} in {len(runs)} records of runs beyond the newest of each product")
    return total


def _growing(project: Project, delete: bool) -> int:
    total = 0
    for pattern, (limit, keep) in GROWING.items():
        for path in sorted(project.home.glob(pattern)):
            size = growing_files.excess(path, limit, keep)
            if size:
                say(f"{path}: {_size(size)} before its last {_size(keep)}")
            total += growing_files.cut(path, limit, keep) if size and delete else size
    return total


def _checkpoints(project: Project, delete: bool) -> int:
    """Checkpoints of trainings that were killed and that nobody has gone on with for a month."""
    total = 0
    for lock in sorted((project.home / "cache" / "checkpoints").glob("*/lock")):
        files = [file for file in lock.parent.rglob("*") if file.is_file()]
        with alone_with(lock) as free:
            if not free or time.time() - max(file.stat().st_mtime for file in files) < ABANDONED_S:
                continue
            size = sum(file.stat().st_size for file in files)
            say(f"{lock.parent}: {_size(size)}, a training that nobody has gone on with for a month")
            total += size
            if delete:
                shutil.rmtree(lock.parent)
    return total


def _strangers(project: Project, recipes: Recipes) -> None:
    """Names products that have artifacts and no recipe that can be read: what they need nobody can say."""
    made = {path.name for path in project.store.root.glob("*/*") if path.is_dir() and path.parent.name != "results"}
    for product in sorted(made - set(recipes)):
        folders = [path for path in project.store.root.glob(f"*/{product}") if path.is_dir()]
        size = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
        why = recipes.broken.get(product, "it has no recipe")
        say(f"{product}: {_size(size)} left alone, for {why}")


def skill(options: argparse.Namespace) -> int:
    """Puts the skill that the package carries into a project."""
    say(install_skill(Path(options.folder), force=options.force))
    return 0


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
