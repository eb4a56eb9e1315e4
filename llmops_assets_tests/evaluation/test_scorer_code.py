"""What is imported is compared with what lies on the disk; the attacks by a plugin and by an edited file are in test_attacks_on_gates."""

import ast
from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation import report
from llmops_assets.evaluation.scorer_code import PACKAGE, require_as_written, scorer_digest, scorer_files
from llmops_assets.guard import scoring
from llmops_assets.tasks import command, registry
from llmops_assets.tasks.score import Score

DECIDE_NOTHING = {
    "errors.py",
    "machine.py",
    "recipes/evaluation.py",  # a ground of its own: the recipe's digest
    "serving/embedded_server.py",
    "serving/engine_group.py",  # answers come from a process of their own
    "storage/artifact_store.py",
    *(
        f"evaluation/{name}.py"
        for name in ("agreement", "breakdowns", "failing", "gate_picture", "mutations", "page", "power")
    ),
    *(f"evaluation/{name}.py" for name in ("lineage", "parity_text", "stage_parity")),
    *(f"evaluation/judge/{name}.py" for name in ("opinion", "sentences")),
}
"""What scorers import of ours that is shown beside the metrics that block, or stands below all of the program."""


def fine(*_: Any) -> Score:
    return Score(1.0, "fine")


@pytest.mark.parametrize(
    ("target", "replaced"),
    [
        ((registry, "_command"), "registry._command"),
        ((Score, "scored"), "score.Score.scored"),
        ((command, "strict_value"), "command.strict_value"),
        ((scoring, "probabilities"), "scoring.probabilities"),
        ((report, "write_report"), "report.write_report"),
    ],
    ids=["function", "property", "imported name", "guard", "report"],
)
def test_whatever_kind_of_thing_is_replaced_in_memory_is_named(
    target: tuple[Any, str], replaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*target, fine)
    with pytest.raises(EvaluationError, match=rf"got another llmops_assets\.\w+\.{replaced} in memory"):
        require_as_written(scorer_digest())


def test_scorers_that_change_while_an_evaluation_runs_end_it() -> None:
    with pytest.raises(EvaluationError, match="changed while the evaluation ran"):
        require_as_written("0" * 64)


def imported(path: Path) -> set[str]:
    """The modules of ours that a file imports, as paths below the package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGE.name):
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                module = PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py")
                found |= {module.relative_to(PACKAGE).as_posix()} if module.exists() else set()
    return found


def test_what_scorers_rest_on_is_in_the_digest_too() -> None:
    files = {path.relative_to(PACKAGE).as_posix() for path in scorer_files()}
    rested_on = set().union(*map(imported, scorer_files()))
    assert rested_on - files == DECIDE_NOTHING


def test_every_scorer_of_every_task_is_in_the_digest() -> None:
    tasks = [registry.get_task(name) for name in ("command", "code_review", "docstring")]
    makers = {
        value.__code__.co_filename for task in tasks for value in vars(task).values() if hasattr(value, "__code__")
    }
    ours = {Path(name) for name in makers if Path(name).is_relative_to(PACKAGE)}
    assert ours <= set(scorer_files())
    assert len(ours) > len(tasks)
