"""What is imported is compared with what lies on the disk; the attacks by a plugin and by an edited file are in test_attacks_on_gates."""

from pathlib import Path
from typing import Any

import pytest

from llmops_assets.errors import EvaluationError
from llmops_assets.evaluation.scorer_code import PACKAGE, require_as_written, scorer_digest, scorer_files
from llmops_assets.tasks import command, registry
from llmops_assets.tasks.score import Score


def fine(*_: Any) -> Score:
    return Score(1.0, "fine")


@pytest.mark.parametrize(
    ("target", "replaced"),
    [
        ((registry, "_command"), "registry._command"),
        ((Score, "scored"), "score.Score.scored"),
        ((command, "strict_value"), "command.strict_value"),
    ],
    ids=["function", "property", "imported name"],
)
def test_whatever_kind_of_thing_is_replaced_in_memory_is_named(
    target: tuple[Any, str], replaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(*target, fine)
    with pytest.raises(EvaluationError, match=rf"got another llmops_assets\.tasks\.{replaced} in memory"):
        require_as_written(scorer_digest())


def test_scorers_that_change_while_an_evaluation_runs_end_it() -> None:
    with pytest.raises(EvaluationError, match="changed while the evaluation ran"):
        require_as_written("0" * 64)


def test_every_scorer_of_every_task_is_in_the_digest() -> None:
    tasks = [registry.get_task(name) for name in ("command", "code_review", "docstring")]
    makers = {
        value.__code__.co_filename for task in tasks for value in vars(task).values() if hasattr(value, "__code__")
    }
    ours = {Path(name) for name in makers if Path(name).is_relative_to(PACKAGE)}
    assert ours <= set(scorer_files())
    assert len(ours) > len(tasks)
