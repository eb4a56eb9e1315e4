"""What every rollout test needs: one call for a rollout, and what a server says of a model afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.rollout import Rollout, roll_out
from llmops_assets.deployment.rollout_steps import CheckAnswer
from llmops_assets.deployment.smoke import check_answer
from llmops_assets.recipes.deployment import DeploymentConfig, SmokeTest
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.modelfile import Modelfile
from llmops_assets.storage import atomic

MODELFILE = Modelfile(
    "./model.gguf", GO_TEMPLATE, parameters={"temperature": 0, "num_ctx": 256, "num_predict": 6}, stops=STOPS
)
SMOKE = (
    SmokeTest(prompt="remind me to call Ana", expect={"action": "create"}),
    SmokeTest(prompt="call Ana", contains="ana"),
)
OLD_ANSWER = '{"action":"create","title":"call Ana"}'
NEW_ANSWER = '{"action":"create","title":"call Ana","priority":"high"}'
WRONG_ANSWER = '{"action":"none"}'


class WrongFrom:
    """The real check until the given answer, which counts as wrong: what breaks after the promotion."""

    def __init__(self, number: int) -> None:
        self.number, self.asked = number, 0

    def __call__(self, test: SmokeTest, text: str) -> str:
        self.asked += 1
        return "it broke" if self.asked >= self.number else check_answer(test, text)


def quiet(line: str) -> None:
    del line


def settings(model_name: str, **changed: Any) -> DeploymentConfig:
    values = {"model_name": model_name, "smoke_tests": SMOKE, "health_attempts": 2, "health_timeout_s": 20}
    return DeploymentConfig.model_validate({**values, **changed})


@dataclass
class Bench:
    """One model name on one server."""

    url: str
    model: str
    state: Path
    lines: list[str] = field(default_factory=list)

    def release(
        self,
        version: str,
        gguf: Path,
        check: CheckAnswer = check_answer,
        *,
        sha256: str = "",
        modelfile: Modelfile = MODELFILE,
        report: Callable[[str], None] | None = None,
        **changed: Any,
    ) -> Rollout:
        return roll_out(
            self.url,
            model_name=self.model,
            version=version,
            gguf=gguf,
            gguf_sha256=sha256 or atomic.sha256_file(gguf),
            modelfile=modelfile,
            config=settings(self.model, **changed),
            check_answer=check,
            state=self.state,
            report=report or self.lines.append,
        )

    @property
    def server(self) -> ModelServer:
        return ModelServer(self.url)

    def tags(self) -> dict[str, str]:
        """Tag -> digest of this model alone."""
        begin = f"{self.model}:"
        return {
            name.removeprefix(begin): tag.digest for name, tag in self.server.tags().items() if name.startswith(begin)
        }

    def says(self, tag: str = "production") -> str:
        return self.server.answer(f"{self.model}:{tag}", "remind me to call Ana", timeout_s=20)
