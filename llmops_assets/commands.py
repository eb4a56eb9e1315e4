"""What each `llmops` command does: thin over running, status and the steps."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmops_assets import doctor as machine
from llmops_assets import running
from llmops_assets import status as standing
from llmops_assets.console import say, warn
from llmops_assets.data_commands import collect as collect
from llmops_assets.data_commands import data as data
from llmops_assets.data_commands import review as review
from llmops_assets.new_product import start_product
from llmops_assets.notifying.message import gate_table
from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.project import find_project
from llmops_assets.recipes.loading import Recipes, find_recipe, load_recipe, load_recipes
from llmops_assets.storage import atomic
from llmops_assets.ui import backfills as backfills
from llmops_assets.ui import dev as dev
from llmops_assets.upkeep import gc as gc
from llmops_assets.upkeep import skill as skill

REQUESTS = (
    "remind me to call Ana before Friday, urgent",
    "the dentist task is done",
    "what's due this week?",
)
"""What `run --show` asks a TaskMaster; other products are asked their first evaluation requests."""


def run(options: argparse.Namespace) -> int:
    """Runs products one after the other; 1 where one that was asked for failed, or its recipe cannot be read."""
    project = find_project()
    recipes = load_recipes(project.recipes)
    if options.config:
        recipe_list = [load_recipe(Path(options.config))]
    else:
        recipe_list = list(recipes.values()) if options.all else [find_recipe(recipes, options.product or "TaskMaster")]
    complain(recipes)
    codes = [_run_one(Workshop(project, recipe, say), options) for recipe in recipe_list]
    return max([*codes, int(options.all and bool(recipes.broken))], default=0)


def complain(recipes: Recipes) -> None:
    """One line a product whose recipe cannot be read; the others go on without it."""
    for product, message in recipes.broken.items():
        sys.stderr.write(f"llmops: {product} is left out: {message}\n")


def _run_one(shop: Workshop, options: argparse.Namespace) -> int:
    say(f"{shop.product}: {options.stage or 'the whole chain'}")
    found = running.run_product(shop, options.stage, options.override, options.config or "")
    for name, stage in found["stage_results"].items():
        say(f"  {name:<15} {'ok' if stage['success'] else 'FAILED':<7} {stage['duration_seconds']:8.1f} s")
    _print_gates(standing.gate_rows(shop), standing.override_lines(shop))
    for error in found["errors"]:
        sys.stderr.write(f"llmops: {shop.product}: {error}\n")
    if not found["success"]:
        return 1
    for key, path in found["final_artifacts"].items():
        say(f"  {key}: {path}")
    if options.show:
        _show(shop)
    return 0


def _print_gates(rows: Sequence[Mapping[str, Any]], overrides: Sequence[str]) -> None:
    for line in gate_table(rows):
        say(f"  {line}")
    for line in overrides:
        warn(f"  {line}")


def _show(shop: Workshop) -> None:
    from llmops_assets.pipeline.asking import ask_product
    from llmops_assets.pipeline.overridden import report_page

    report = shop.store.latest("eval_report", shop.product)
    for request in _requests(shop):
        say(f"  > {request}")
        say(f"    {json.dumps(ask_product(shop, request).envelope, ensure_ascii=False)}")
    say(f"  report:  {report_page(shop.store, report)}")
    say(f"  catalog: {shop.store.root / 'product_catalog' / 'catalog.html'}")
    say("  ask:     llmops ask " + shop.product + ' "..."; stop the model server with `llmops serve --stop`')
    say("  UI:      make dev, then http://127.0.0.1:3000")


def _requests(shop: Workshop) -> list[str]:
    if shop.recipe.task == "command":
        return list(REQUESTS)
    rows = atomic.read_jsonl(shop.store.latest("eval_report", shop.product).file("traffic.jsonl"))
    return [row["prompt"] for row in rows[:3]]


def ask(options: argparse.Namespace) -> int:
    """Asks the deployed product and prints its envelope."""
    from llmops_assets.pipeline.asking import ask_product

    reply = ask_product(Workshop.named(find_project(), options.product, say), options.text)
    say(reply.text if options.raw else json.dumps(reply.envelope, ensure_ascii=False))
    return 0


def serve(options: argparse.Namespace) -> int:
    """Runs the gateway of a product in the foreground, or stops the embedded model server."""
    from llmops_assets.pipeline import servers

    project = find_project()
    if options.stop:
        say("stopped" if servers.stop(project) else "no embedded server was running")
        return 0
    shop = Workshop.named(project, options.product or "TaskMaster", say)
    port = options.port or shop.recipe.deployment.gateway_port
    servers.serve_gateway([shop], options.host, port, metrics_host=options.metrics_host)
    return 0


def status(options: argparse.Namespace) -> int:
    """Prints where every product stands; one whose recipe cannot be read is a line too."""
    project = find_project()
    recipes = load_recipes(project.recipes)
    chosen = [find_recipe(recipes, options.product)] if options.product else list(recipes.values())
    rows = [standing.product_status(Workshop(project, recipe, say)) for recipe in chosen]
    complain(recipes)
    if options.json:
        say(json.dumps([*rows, *_unread(recipes, options)], indent=2, ensure_ascii=False))
        return 0
    for row in rows:
        say(f"{row['product']} {row['version']}: {row['state']}; serving: {row['serving'] or 'nothing'}")
        _print_gates(row["gates"], row["overrides"])
    return 0


def rollback(options: argparse.Namespace) -> int:
    """Takes the release in production back, unless it is older than the time given."""
    from llmops_assets.pipeline.deployment import roll_back_product

    shop = Workshop.named(find_project(), options.product, say)
    roll_back_product(shop, options.reason, released_since=options.released_since)
    return 0


def notify(options: argparse.Namespace) -> int:
    """Tells how a product's last run ended, or sends a test message; 1 where a channel did not get it."""
    from llmops_assets.notifying.configured import ui_url
    from llmops_assets.notifying.noticing import asset_page
    from llmops_assets.notifying.results import run_result, send, trial_message

    shop = Workshop.named(find_project(), options.product or "TaskMaster", say)
    link = options.link or ui_url() + asset_page("eval_report", shop.product)
    message = trial_message(shop, link) if options.test else run_result(shop, options.outcome, link)
    say(message.text)
    sent = send(shop.recipe.monitoring, message)
    for one in sent:
        say(f"{one.channel:<8} {one.text}")
    return 0 if all(one.ok for one in sent) else 1


def _unread(recipes: Recipes, options: argparse.Namespace) -> list[dict[str, Any]]:
    return [] if options.product else [standing.unread_status(*each) for each in recipes.broken.items()]


def doctor(options: argparse.Namespace) -> int:
    """Prints what this machine can do."""
    del options
    for row in machine.examine(find_project()):
        say(f"{row.subject:<12} {row.finding:<28} {row.reason}")
    return 0


def init(options: argparse.Namespace) -> int:
    """Writes a new product's recipe and data folders, copied from another product's."""
    project, name = find_project(), options.name or "MyProduct"
    source = find_recipe(load_recipes(project.recipes), options.source)
    written = start_product(project, name, source, Path(options.config) if options.config else None)
    say(f"wrote {written.recipe} and {written.raw}; edit both, then `llmops run {name}`")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Shows two evaluations of a product side by side."""
    from llmops_assets.evaluation.comparison import compare_sides
    from llmops_assets.evaluation.comparison_text import lines, page
    from llmops_assets.pipeline.evaluations import sides

    found = compare_sides(*sides(Workshop.named(find_project(), options.product, say), options.a, options.b))
    for line in (
        [json.dumps(asdict(found), indent=2, ensure_ascii=False)] if options.json else lines(found, every=options.all)
    ):
        say(line)
    if options.html:
        written = atomic.write_text(Path(options.html), page(found))
        sys.stderr.write(f"wrote {written}\n")
    return 0
