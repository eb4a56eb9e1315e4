"""The rollout: a candidate that answers right becomes production; what served before stays within reach."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from llmops_assets.deployment.health import Patience, release_of
from llmops_assets.deployment.journal import Entry, Journal
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.releases import Release, ReleaseRecord
from llmops_assets.deployment.rollback import JOURNAL, LOCK, PROMOTING, RECORD, mend, put_back, restore_previous
from llmops_assets.deployment.rollout_steps import STEPS, CheckAnswer, RolloutSteps
from llmops_assets.errors import DeploymentError
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.serving.modelfile import Modelfile
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import locked


@dataclass(frozen=True)
class Step:
    """One step of a rollout."""

    name: str
    seconds: float
    detail: str


@dataclass(frozen=True)
class Rollout:
    """What a rollout did.

    Attributes:
        digest_matches: production is the very file, see above.
        smoke_passed: the share of smoke tests that production answers right; None where the recipe has none.
        version_tag: `taskmaster:1.4.0`.
        previous: the version that `:previous` means; empty where there is none.
    """

    digest_matches: bool
    smoke_passed: float | None
    version_tag: str
    previous: str
    steps: tuple[Step, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def roll_out(
    url: str,
    *,
    model_name: str,
    version: str,
    gguf: Path,
    gguf_sha256: str,
    modelfile: Modelfile,
    config: DeploymentConfig,
    check_answer: CheckAnswer,
    state: Path,
    report: Callable[[str], None],
) -> Rollout:
    """Brings a file into production, or leaves in production what was there.

    Args:
        url: a server that speaks Ollama's API.
        model_name: without a tag.
        version: names the release for ever.
        gguf: the file that was judged.
        gguf_sha256: its hash when it was judged.
        modelfile: template, parameters, licence; its FROM is not used.
        config: patience, smoke tests, how many versions to keep, whether to go back on failure.
        check_answer: why an answer to a smoke test is wrong; empty where it is right.
        state: a folder of this model's own, for the journal and the record of releases.
        report: called with a line before and after each step.

    Raises:
        DeploymentError: what went wrong at which step, and what serves now.
    """
    state.mkdir(parents=True, exist_ok=True)
    release = Release(model_name, version, gguf_sha256, atomic.sha256_bytes(modelfile.text.encode()))
    server, journal = ModelServer(url), Journal(state / JOURNAL)
    with locked(state / LOCK):
        mend(server, model_name, journal, Patience.of(config), report)
        tags = server.tags()
        digests = [tags[name].digest if name in tags else "" for name in map(release.tag, ("production", "previous"))]
        entry = Entry(model_name, version, "", *digests)
        record = ReleaseRecord(state / RECORD)
        steps = RolloutSteps(server, release, gguf, modelfile, config, check_answer, record, entry)
        return _Run(steps, journal, report).carry_out()


@dataclass
class _Run:
    """One rollout under way."""

    work: RolloutSteps
    journal: Journal
    report: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)

    def carry_out(self) -> Rollout:
        """Every step in order; on any failure the way back."""
        release, server = self.work.release, self.work.server
        name = release.tag(release.version)
        try:
            for step in STEPS:
                self._step(name, step)
        except BaseException as error:
            serves = self._way_back()
            if not isinstance(error, Exception):
                raise
            raise DeploymentError(
                f"the rollout of {name} failed at step {self.work.entry.step}: {error}; {serves}"
            ) from error
        self.journal.end()
        previous = release_of(server.tags(), release.model_name, "previous")
        return Rollout(True, self.work.passed, name, previous, tuple(self.steps))

    def _step(self, name: str, step: str) -> None:
        self.work.entry = replace(self.work.entry, step=step)
        self.journal.write(self.work.entry)
        self.report(f"rollout {name}: {step}")
        started = time.monotonic()
        detail = self.work.carry_out(step)
        self.steps.append(Step(step, round(time.monotonic() - started, 3), detail))
        self.report(f"rollout {name}: {step} done, {detail}")

    def _way_back(self) -> str:
        """Puts back what served if something else serves now, and says what serves; where that is unknown the journal stays."""
        server, entry = self.work.server, self.work.entry
        try:
            said = self._undo(server, entry)
            if entry.step != "cleanup":
                server.delete(f"{entry.model}:candidate")
                restore_previous(server, entry)
        except DeploymentError as error:
            return f"what serves now is unknown: {error}"
        self.journal.end()
        return said

    def _undo(self, server: ModelServer, entry: Entry) -> str:
        production, now = f"{entry.model}:production", server.digest(f"{entry.model}:production")
        if now == "" and entry.production == "":
            return "nothing serves yet"
        if now != entry.production and entry.step in PROMOTING:
            if not self.work.config.rollback_on_failure:
                return f"{production} is the new release, unproven: the recipe sets rollback_on_failure to false"
            if not entry.production:
                server.delete(production)
                return "nothing serves: there was no release before"
            put_back(server, entry.model, Patience.of(self.work.config))
            return f"{production} is {release_of(server.tags(), entry.model) or 'what it was'} again and answers"
        return f"{production} still serves {release_of(server.tags(), entry.model) or 'what it was'}"
