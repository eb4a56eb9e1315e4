"""The command line: `llmops`. Thin over the same jobs and steps that the UI runs.

Exit codes: 0 all green; 1 something failed or a gate is red; 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

EPILOG = """exit codes: 0 all green; 1 something failed or a gate is red; 2 wrong usage
examples:
  llmops run TaskMaster                 the whole chain; what is unchanged is cached
  llmops run TaskMaster --stage export  one stage on what the stages before left
  llmops status                         versions, gates and what serves, for every product
  llmops ask TaskMaster "remind me to call Ana before Friday, urgent"
"""
COMPARED = """A and B each name an evaluation:
  latest, previous   the newest one, and the one before it
  deployed           the one of what serves
  1.4.0              the one of a released version
  3f9c               the one whose report's digest begins so
The exit code is 0 whichever is better.
"""


def moment(text: str) -> datetime:
    """A time as ISO 8601; UTC where it names no zone."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def build_parser() -> argparse.ArgumentParser:
    """The parser; imports nothing heavy, so `--help` is instant."""
    parser = argparse.ArgumentParser(
        prog="llmops",
        description=__doc__.split("\n")[0],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a product through the pipeline")
    run.add_argument("product", nargs="?", help="a product; default TaskMaster")
    run.add_argument(
        "--all", action="store_true", help="every product, one after the other; one red does not stop the next"
    )
    run.add_argument(
        "--stage", default="", help="data, training, export, evaluation, deployment, monitoring or productization"
    )
    run.add_argument("--config", help="a recipe file instead of a product's name")
    run.add_argument(
        "--override", default="", metavar="'NAME: REASON'", help="let red gates pass; who and why is recorded and shown"
    )
    run.add_argument("--show", action="store_true", help="then ask the deployed model three requests")
    init = commands.add_parser("init", help="a new product: recipe and data folder that run")
    init.add_argument("name", nargs="?", help="the product's name")
    init.add_argument("--from", dest="source", default="TaskMaster", help="the product to start from")
    init.add_argument("--config", help="write the recipe to this file")
    status = commands.add_parser("status", help="every product: versions, gates, what serves")
    status.add_argument("product", nargs="?")
    status.add_argument("--json", action="store_true", help="for programs")
    ask = commands.add_parser("ask", help="ask the deployed product")
    ask.add_argument("product")
    ask.add_argument("text")
    ask.add_argument("--raw", action="store_true", help="the model's own words instead of the product's envelope")
    serve = commands.add_parser("serve", help="a product's gateway: endpoint, health, metrics, in front of its model")
    serve.add_argument("product", nargs="?", help="a product; default TaskMaster")
    serve.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1: this machine only")
    serve.add_argument("--port", type=int, default=0, help="default: the recipe's gateway_port")
    serve.add_argument(
        "--metrics-host",
        default="127.0.0.1",
        help="address of the metrics port; default 127.0.0.1: this machine only, out of reach of a Prometheus in a "
        "container (there the address of Docker's bridge, mostly 172.17.0.1)",
    )
    serve.add_argument("--stop", action="store_true", help="stop the embedded model server")
    rollback = commands.add_parser(
        "rollback", help="take the release in production back; the previous one serves again"
    )
    rollback.add_argument("product")
    rollback.add_argument("--reason", required=True, help="recorded; that version is not deployed again")
    rollback.add_argument(
        "--released-since", type=moment, metavar="TIME", help="ISO 8601: a release that is older than this stays"
    )
    notify = commands.add_parser("notify", help="tell how a product's last run ended, to every channel that it has")
    notify.add_argument("product", nargs="?", help="a product; default TaskMaster")
    notify.add_argument("--test", action="store_true", help="send a test message instead")
    notify.add_argument(
        "--outcome", choices=("success", "failure", "cancelled"), help="how it ended; default: as the run itself says"
    )
    notify.add_argument("--link", default="", help="the page to look at; default: the evaluation report in the UI")
    commands.add_parser("doctor", help="what this machine can do, and why")
    dev = commands.add_parser("dev", help="the Dagster UI on this project")
    dev.add_argument("--port", type=int, default=3000)
    backfills = commands.add_parser(
        "backfills", help="what came of the last backfills, product by product; 1 where the newest is not all green"
    )
    backfills.add_argument("--most", type=int, default=3, help="so many backfills, default 3")
    backfills.add_argument("--json", action="store_true", help="for programs")
    data = commands.add_parser("data", help="look at a product's training data")
    views = data.add_subparsers(dest="view", required=True, metavar="VIEW")
    diff = views.add_parser("diff", help="what two versions of the training data differ in")
    diff.add_argument("product")
    diff.add_argument("versions", nargs="*", metavar="VERSION", help="older and newer; default: the last two")
    diff.add_argument("--most", type=int, default=5, help="so many examples of each kind of change, default 5")
    listed = views.add_parser("versions", help="every version that this machine made, numbered by what changed")
    listed.add_argument("product")
    compare = commands.add_parser(
        "compare",
        help="two versions of a product side by side, with the paired test",
        epilog=COMPARED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("product")
    compare.add_argument("a", metavar="A", help="the evaluation to start from")
    compare.add_argument("b", metavar="B", help="the evaluation to judge")
    compare.add_argument(
        "--all", action="store_true", help="every case that broke or was mended, not the first ten each way"
    )
    compare.add_argument("--json", action="store_true", help="for programs")
    compare.add_argument("--html", metavar="FILE", help="write a page as well")
    review = commands.add_parser("review", help="a local page to keep, edit or reject training records")
    review.add_argument("product")
    review.add_argument("--port", type=int, default=8090)
    review.add_argument("--list", action="store_true", help="print what is left to look at instead")
    gc = commands.add_parser("gc", help="what the recipes' retention lets go: shown, and deleted where told so")
    gc.add_argument("product", nargs="?", help="a product; default: every product")
    gc.add_argument("--delete", action="store_true", help="delete it; without, nothing changes")
    skill = commands.add_parser("skill", help="the skill that teaches coding agents this pipeline")
    verbs = skill.add_subparsers(dest="verb", required=True, metavar="VERB")
    install = verbs.add_parser("install", help="write .claude/skills/llmops-pipeline/SKILL.md into a project")
    install.add_argument("folder", nargs="?", default=".", help="the project; default: here")
    install.add_argument("--force", action="store_true", help="also over one that was changed")
    collect = commands.add_parser("collect", help="rebuild a product's collected data from pinned packages")
    collect.add_argument("product")
    collect.add_argument(
        "--own-answers",
        type=int,
        metavar="N",
        help="instead, ask the newest merged model N training requests and keep its wrong answers for preference pairs",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses, runs the command, and turns an error of ours into one line and exit code 1."""
    options = build_parser().parse_args(arguments)
    from llmops_assets import commands
    from llmops_assets.errors import LLMOpsError
    from llmops_assets.storage.atomic import disk_problem

    command: Callable[[argparse.Namespace], int] = getattr(commands, options.command)
    try:
        code = command(options)
    except LLMOpsError as error:
        print(f"llmops: {' '.join(str(error).split())}", file=sys.stderr)
        code = 1
    except Exception as error:
        problem = disk_problem(error)
        if not problem:
            raise
        print(
            f"llmops: expected room for the project's state, got: {problem}; free the disk, run again", file=sys.stderr
        )
        code = 1
    except KeyboardInterrupt:
        print("llmops: stopped; what was finished is kept, run again to go on", file=sys.stderr)
        code = 130
    sys.exit(code)
