"""The steps of a rollout, each on its own: what it makes sure of is its first line, what it returns is shown to people.

How it is proven that production is the judged file: Ollama names the blob that its runner opens, by SHA-256, in the FROM line
that `show` returns, and a tag's digest is that of its manifest. So FROM of production equals the file's hash, and production's
digest equals that of the tag which passed the smoke tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmops_assets.deployment.health import Patience, require_answer, version_tags
from llmops_assets.deployment.journal import Entry
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.releases import Release, ReleaseRecord, already_released
from llmops_assets.errors import DeploymentError
from llmops_assets.recipes.deployment import DeploymentConfig, SmokeTest
from llmops_assets.serving.modelfile import Modelfile
from llmops_assets.storage import atomic

CheckAnswer = Callable[[SmokeTest, str], str]
STEPS = ("verify", "upload", "candidate", "health", "smoke", "version", "previous", "promote", "prove", "cleanup")


@dataclass
class RolloutSteps:
    """What the steps work with; `entry` holds what was there before, `passed` the share of right smoke answers."""

    server: ModelServer
    release: Release
    gguf: Path
    modelfile: Modelfile
    config: DeploymentConfig
    check_answer: CheckAnswer
    record: ReleaseRecord
    entry: Entry
    passed: float | None = None

    def carry_out(self, name: str) -> str:
        """One step by its name.

        Raises:
            DeploymentError: what it makes sure of is not so.
        """
        step: Callable[[], str] = getattr(self, name)
        return step()

    def verify(self) -> str:
        """The file is the one that was judged, and its version is free."""
        if not self.gguf.is_file() or atomic.sha256_file(self.gguf) != self.release.gguf_sha256:
            raise DeploymentError(
                f"expected the judged file with sha256 {self.release.gguf_sha256[:12]} at {self.gguf}, "
                "got another or none; run gguf_model again"
            )
        self.record.require_free(self.release)
        return f"sha256 {self.release.gguf_sha256[:12]}"

    def upload(self) -> str:
        """The server has the file."""
        digest = self.server.upload(self.gguf)
        if digest != f"sha256:{self.release.gguf_sha256}":
            raise DeploymentError(
                f"{self.gguf} changed while it was uploaded, it is {digest[:19]} now; run gguf_model again"
            )
        return digest[:19]

    def candidate(self) -> str:
        """`:candidate` is the file under this Modelfile, and what the version tag means if there is one."""
        candidate, version = self._tag("candidate"), self._tag(self.release.version)
        self.server.create(candidate, self.gguf.name, f"sha256:{self.release.gguf_sha256}", self.modelfile.request)
        self._require_file(candidate)
        tags = self.server.tags()
        before, now = tags.get(version), tags[candidate].digest
        if before is not None and before.digest != now:
            now = self._settle(before.digest, now)
        self.entry = replace(self.entry, candidate=now)
        return f"digest {now[:12]}"

    def _settle(self, before: str, now: str) -> str:
        """The digest to go on with where the version tag has another than the candidate."""
        candidate, version = self._tag("candidate"), self._tag(self.release.version)
        if self.server.definition(version) == self.server.definition(candidate):
            self.server.copy(version, candidate)
            return before
        if before in (self.entry.production, self.entry.previous):
            raise already_released(version, self.server.gguf_sha256(version), self.release.gguf_sha256)
        return now

    def health(self) -> str:
        """The candidate answers."""
        return require_answer(self.server, self._tag("candidate"), Patience.of(self.config))

    def smoke(self) -> str:
        """The candidate answers right."""
        return self._require_right(self._tag("candidate"))

    def version(self) -> str:
        """The version tag is what was tested."""
        return self._point(self._tag(self.release.version), self._tag("candidate"), self.entry.candidate)

    def previous(self) -> str:
        """What serves stays within reach."""
        if self.entry.production in ("", self.entry.candidate):
            return "nothing to keep: nothing else serves"
        return self._point(self._tag("previous"), self._tag("production"), self.entry.production)

    def promote(self) -> str:
        """What was tested serves."""
        return self._point(self._tag("production"), self._tag("candidate"), self.entry.candidate)

    def prove(self) -> str:
        """Production is what was tested, is the judged file, and answers right."""
        production, tags = self._tag("production"), self.server.tags()
        for name in (production, self._tag(self.release.version)):
            if name not in tags or tags[name].digest != self.entry.candidate:
                raise DeploymentError(f"expected {name} at {self.server.url} to be what was tested, it is not")
        self._require_file(production)
        require_answer(self.server, production, Patience.of(self.config))
        detail = self._require_right(production)
        self.record.add(self.release)
        return f"is {self.entry.candidate[:12]} and the judged file; {detail}"

    def cleanup(self) -> str:
        """Candidate and old versions go, never what serves or served last."""
        self.server.delete(self._tag("candidate"))
        tags = self.server.tags()
        kept = {tags[name].digest for name in map(self._tag, ("production", "previous")) if name in tags}
        old = version_tags(tags, self.release.model_name)[self.config.keep_versions :]
        gone = [tag.name for tag in old if tag.digest not in kept]
        for name in gone:
            self.server.delete(name)
        return f"deleted {', '.join(gone) or 'no old version'}"

    def _point(self, target: str, source: str, digest: str) -> str:
        """Copies a tag, unless the target is the same already, and looks whether it came out so."""
        if self.server.digest(target) == digest:
            return f"{target} is {digest[:12]} already"
        self.server.copy(source, target)
        found = self.server.digest(target)
        if found != digest:
            raise DeploymentError(
                f"expected {target} at {self.server.url} to be {digest[:12]}, it is {found[:12] or 'gone'}"
            )
        return f"{target} is {digest[:12]}"

    def _require_file(self, name: str) -> None:
        found = self.server.gguf_sha256(name)
        if found != self.release.gguf_sha256:
            raise DeploymentError(
                f"expected {name} at {self.server.url} to be the file {self.release.gguf_sha256[:12]}, "
                f"it is {found[:12] or 'not said which'}"
            )

    def _require_right(self, name: str) -> str:
        """Runs the smoke tests; sets the share of right answers."""
        tests = self.config.smoke_tests
        if not tests:
            return "the recipe has no smoke tests"
        reasons = []
        for test in tests:
            wrong = self.check_answer(
                test, self.server.answer(name, test.prompt, timeout_s=self.config.health_timeout_s)
            )
            reasons += [f"{test.prompt[:60]!r}: {wrong}"] if wrong else []
        self.passed = 1 - len(reasons) / len(tests)
        if reasons:
            raise DeploymentError(
                f"{name} answers {len(reasons)} of {len(tests)} smoke tests wrong: {'; '.join(reasons)}"
            )
        return f"{len(tests)} of {len(tests)} smoke tests right"

    def _tag(self, name: str) -> str:
        return self.release.tag(name)
