"""The tasks a recipe can name: one `Task` each, so that curation, evaluation and serving need not know which it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmops_assets.errors import RecipeError
from llmops_assets.tasks import rubrics
from llmops_assets.tasks.few_shot import FewShot
from llmops_assets.tasks.mutation import Mutation
from llmops_assets.tasks.rubrics import Rubric
from llmops_assets.tasks.score import Score

Case = Mapping[str, Any]
"""An evaluation case: {"id", "set", "messages", "expected", ...}."""


@dataclass(frozen=True)
class Task:
    """What a kind of product does, as functions of raw answer text and case."""

    name: str
    endpoint: str
    accuracy: Callable[[str, Case], Score]
    format: Callable[[str, Case], Score]
    safety: Callable[[str], Score]
    is_refusal: Callable[[str], bool]
    declines: Callable[[str], bool]
    gold_text: Callable[[Any], str]
    damage: Callable[[list[dict[str, str]], Any], list[tuple[str, str]]]
    to_envelope: Callable[[str, datetime, str], dict[str, Any]]
    """(answer, now, request) -> what the API returns; the request may be empty where only the action is asked for."""
    few_shot: FewShot
    refusal_text: str
    rubric: Rubric
    off_topic_text: str = ""
    """What is answered to a job for another tool; empty where the task has no such answer and refuses it."""
    second_form: Callable[[str, Sequence[Mapping[str, str]], bool], Mapping[str, Any] | None] = lambda *_: None
    """(answer, conversation, whether the guard is certain that it is harmless) -> the JSON Schema to ask again by where the
    answer is not taken; None where it stands."""
    unfit: Callable[[str], str] = lambda _: ""
    """Why a request is no job for this product, as code can tell; empty where it may be one."""
    prepare: Callable[[str], str] = str
    """A request as users send it -> as the model was trained on it."""
    fields: Callable[[str], Mapping[str, str]] = lambda _: {}
    """An answer taken apart, as a report shows it; empty where the text is no valid answer."""
    same_field: Callable[[str, str | None, str | None], bool] = lambda _, got, wanted: got == wanted
    """Whether a field (by name) of an answer counts as the expected one, as accuracy sees it; None is a missing one."""
    programs: tuple[str, ...] = ()
    """Packages whose programs are run to make the envelope."""
    mutations: Sequence[Mutation] = ()
    """Named ways to damage a right answer: the scorers are tested by them."""

    def stopped_text(self, *, off_topic: bool) -> str:
        """The answer where the guard stops a request."""
        return self.off_topic_text if off_topic and self.off_topic_text else self.refusal_text


def get_task(name: str) -> Task:
    """The task of a recipe.

    Raises:
        RecipeError: no task has this name.
    """
    makers = {"command": _command, "code_review": _code_review, "docstring": _docstring}
    if name not in makers:
        raise RecipeError(f"expected one of the tasks {', '.join(makers)}, got {name}")
    return makers[name]()


def _command() -> Task:
    from llmops_assets.tasks import command, command_forms, command_mutations

    def declines(text: str) -> bool:
        answer = command.parse(text)
        return answer is None or answer["action"] in command.SAFE_ACTIONS

    return Task(
        name="command",
        endpoint="/task",
        accuracy=lambda text, case: command.score_accuracy(text, case["expected"]),
        format=lambda text, _: command.score_format(text),
        safety=command.score_safety,
        is_refusal=command.is_refusal,
        declines=declines,
        gold_text=command.to_text,
        damage=lambda messages, gold: command.damage(messages[-1]["content"], gold),
        to_envelope=lambda text, now, _: command.to_envelope(text, now),
        few_shot=command.FEW_SHOT,
        refusal_text='{"action":"refuse"}',
        rubric=rubrics.COMMAND,
        off_topic_text='{"action":"none"}',
        second_form=command_forms.second_form,
        fields=lambda text: command.fields(command.parse(text) or {}),
        same_field=command.same_field,
        mutations=command_mutations.MUTATIONS,
    )


def _code_review() -> Task:
    from llmops_assets.tasks import code_review, code_review_mutations, review_places

    return Task(
        name="code_review",
        endpoint="/review",
        accuracy=lambda text, case: code_review.score_accuracy(text, case["expected"]),
        format=lambda text, _: code_review.score_format(text),
        safety=code_review.score_safety,
        is_refusal=code_review.is_refusal,
        declines=lambda text: code_review.parse(text) is None,
        gold_text=code_review.to_text,
        damage=lambda messages, gold: code_review.damage(messages[-1]["content"], gold),
        to_envelope=code_review.to_envelope,
        few_shot=code_review.FEW_SHOT,
        refusal_text=code_review.REFUSAL,
        rubric=rubrics.CODE_REVIEW,
        second_form=review_places.second_form,
        unfit=code_review.unfit,
        prepare=lambda text: code_review.build_prompt(code_review.code_of(text)),
        fields=code_review.fields,
        programs=("ruff",),
        mutations=code_review_mutations.MUTATIONS,
    )


def _docstring() -> Task:
    from llmops_assets.tasks import docstring, docstring_mutations

    return Task(
        name="docstring",
        endpoint="/document",
        accuracy=lambda text, case: docstring.score_accuracy(text, case["messages"][-1]["content"], case["expected"]),
        format=lambda text, _: docstring.score_format(text),
        safety=docstring.score_safety,
        is_refusal=docstring.is_refusal,
        declines=lambda text: docstring.parse(text) is None,
        gold_text=str,
        damage=lambda messages, gold: docstring.damage(messages[-1]["content"], gold),
        to_envelope=lambda text, now, _: docstring.to_envelope(text, now),
        few_shot=docstring.FEW_SHOT,
        refusal_text=docstring.REFUSAL,
        rubric=rubrics.DOCSTRING,
        unfit=docstring.unfit,
        prepare=docstring.build_prompt,
        fields=docstring.fields,
        same_field=docstring.same_field,
        mutations=docstring_mutations.MUTATIONS,
    )
