"""deepeval's classes around the judge: a model that speaks to the endpoint, GEval with our anchors, and a comparison of two answers.

deepeval's own ArenaGEval shuffles the answers by chance; here the order is the caller's, so that its effect can be measured.
"""

from typing import Any

from llmops_assets.evaluation.answering import AnswerCache
from llmops_assets.evaluation.judge.endpoint import Endpoint
from llmops_assets.evaluation.judge.replies import Form, Preference, on_scale, read_reply
from llmops_assets.evaluation.judging import quiet_deepeval
from llmops_assets.tasks.rubrics import FAIR, SCALE, Rubric

NOTHING = "(an empty answer)"
COMPARE = """You compare two answers to the same request.

What a good answer is: {wanted}
{fair}
Which answer stands first says nothing about it.

Request:
{request}

Answer 1:
{first}

Answer 2:
{second}

Which answer is better? Say "1" or "2", or "tie" where neither is. Reply with one JSON object and nothing else:
{{"reason": "one sentence", "winner": "1", "2" or "tie"}}"""


def judge_model(endpoint: Endpoint, memory: AnswerCache) -> Any:
    """The endpoint as a model of deepeval; the same question is asked once, also after a kill."""
    quiet_deepeval()
    from deepeval.models import DeepEvalBaseLLM

    class JudgeModel(DeepEvalBaseLLM):  # type: ignore[no-untyped-call]
        def load_model(self) -> Any:
            return self

        def generate(self, prompt: str, schema: type[Form]) -> Form:
            form = schema.model_json_schema()
            key = endpoint.memory_key(prompt, form)
            if key not in memory.answers:
                memory.add(key, endpoint.ask(prompt, form))
            return read_reply(memory.answers[key], schema)

        async def a_generate(self, prompt: str, schema: type[Form]) -> Form:
            return self.generate(prompt, schema)

        def get_model_name(self) -> str:
            return endpoint.config.model

    return JudgeModel(endpoint.config.model)


def score_metric(model: Any, rubric: Rubric) -> Any:
    """GEval with the steps and anchors of a rubric."""
    quiet_deepeval()
    from deepeval.metrics import GEval
    from deepeval.metrics.g_eval import Rubric as Anchor
    from deepeval.test_case import SingleTurnParams as Part

    return GEval(
        name="answer",
        evaluation_params=[Part.INPUT, Part.ACTUAL_OUTPUT, Part.EXPECTED_OUTPUT],
        evaluation_steps=[rubric.wanted, *rubric.steps, *FAIR],
        rubric=[
            Anchor(score_range=(at, at), expected_outcome=said) for at, said in enumerate(rubric.anchors, SCALE[0])
        ],
        model=model,
        async_mode=False,
    )


def pair_metric(model: Any, rubric: Rubric) -> Any:
    """A metric that names the better of two contestants, shown in their order; it returns a name, or `tie`."""
    quiet_deepeval()
    from deepeval.metrics import BaseArenaMetric
    from deepeval.test_case import ArenaTestCase

    class PairMetric(BaseArenaMetric):  # type: ignore[no-untyped-call]
        async_mode = False

        @property
        def __name__(self) -> str:
            return "better answer"

        def measure(self, test_case: ArenaTestCase, **_: Any) -> str:
            first, second = test_case.contestants
            prompt = COMPARE.format(
                wanted=rubric.wanted,
                fair="\n".join(FAIR),
                request=first.test_case.input,
                first=first.test_case.actual_output,
                second=second.test_case.actual_output,
            )
            found = model.generate(prompt, schema=Preference)
            self.reason = found.reason
            return {"1": str(first.name), "2": str(second.name)}.get(found.winner, "tie")

        async def a_measure(self, test_case: ArenaTestCase, **options: Any) -> str:
            return self.measure(test_case, **options)

        def is_successful(self) -> bool:
            return True

    return PairMetric()


def scored(metric: Any, request: str, answer: str, expected: str) -> tuple[int, str]:
    """The score of an answer from 1 to 5, and why.

    Raises:
        JudgeReplyError: the reply cannot be read.
        JudgeError: there is none.
    """
    from deepeval.test_case import LLMTestCase

    test_case = LLMTestCase(input=request, actual_output=answer or NOTHING, expected_output=expected)
    share = metric.measure(test_case, _show_indicator=False)
    low, high = SCALE
    return on_scale(round(low + share * (high - low), 6)), str(metric.reason)


def preferred(metric: Any, request: str, answers: tuple[tuple[str, str], tuple[str, str]]) -> str:
    """The name of the better of two named answers in this order, or `tie`.

    Raises:
        JudgeReplyError: the reply cannot be read.
        JudgeError: there is none.
    """
    from deepeval.test_case import ArenaTestCase, Contestant, LLMTestCase

    contestants = [
        Contestant(name=name, test_case=LLMTestCase(input=request, actual_output=text or NOTHING))
        for name, text in answers
    ]
    return str(metric.measure(ArenaTestCase(contestants)))
