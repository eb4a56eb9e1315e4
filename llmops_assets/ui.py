"""`llmops dev` and `llmops backfills`: the UI, and what came of what was launched there."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from llmops_assets import machine, running
from llmops_assets.console import say
from llmops_assets.project import Project, find_project


def dev(options: argparse.Namespace) -> int:
    """Starts the UI with its daemon, after what ended with the last one was put in order."""
    project = find_project()
    _put_in_order(project)
    dagster = Path(sys.executable).with_name("dagster")
    command = [str(dagster), "dev", "-w", str(project.root / "workspace.yaml"), "-h", "127.0.0.1"]
    return subprocess.call([*command, "-p", str(options.port)], cwd=project.root)


def _put_in_order(project: Project) -> None:
    """Says how many trainings run at once, and closes runs that were killed: the daemon would take them for alive."""
    asked = machine.asked_trainings(os.environ)
    running.dagster_home(project)
    from dagster import DagsterInstance

    from llmops_assets.resources.dead_runs import end_dead_runs
    from llmops_assets.resources.training_pool import limit_trainings

    with DagsterInstance.get() as instance:
        for run_id in end_dead_runs(instance):
            say(f"run {run_id} was killed; it is closed, and its place in the pools is free again")
        limit = limit_trainings(instance, asked, machine.fitting_trainings())
    say(f"trainings at once: {limit.count}; {limit.reason}")


def backfills(options: argparse.Namespace) -> int:
    """Prints the last backfills, product by product; 1 where the newest is not green for all of them."""
    running.dagster_home(find_project())
    from dagster import DagsterInstance

    from llmops_assets.resources.backfills import last_backfills

    with DagsterInstance.get() as instance:
        found = last_backfills(instance, options.most)
    if options.json:
        say(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
    else:
        for line in [line for backfill in found for line in backfill.lines()] or ["no backfill yet"]:
            say(line)
    return int(bool(found) and not found[0].green)
