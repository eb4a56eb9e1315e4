import pytest

from llmops_assets.tasks.registry import get_task
from llmops_assets.tasks.rubrics import RIGHT_FROM, SCALE


@pytest.mark.parametrize("name", ["command", "code_review", "docstring"])
def test_every_score_of_every_task_has_an_anchor_of_its_own_in_words(name: str) -> None:
    rubric = get_task(name).rubric
    assert len(set(rubric.anchors)) == SCALE[1] - SCALE[0] + 1
    assert all(len(said.split()) >= 7 for said in (*rubric.anchors, *rubric.steps, rubric.wanted))
    assert SCALE[0] < RIGHT_FROM <= SCALE[1]
