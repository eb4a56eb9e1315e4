"""Verdicts: what `judge` said of an artifact, kept beside it, and judged again by whatever consumes the artifact.

An asset check shows the verdict; `require_passed` enforces it in every run, also where Dagster alone would walk past.
A verdict counts for one digest of one product, by the gates and on the grounds (model, guard, cases, scorers, recipe) it was
given on; its file must say what was measured and nothing else. Who rewrites metrics, report, manifest, pointers and verdict
so that all agree is not noticed: the machine keeps no secret from its user.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from llmops_assets.errors import GateError, StoreError
from llmops_assets.gates import Gate, Metric, Verdict, gates_digest, judge
from llmops_assets.overrides import Override, OverrideRecord
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import Artifact

GATE = "gate"
"""What the verdict is called beside its artifact."""
RECORDS = TypeAdapter(tuple[OverrideRecord, ...])


@dataclass(frozen=True)
class Findings:
    """What an artifact says of itself.

    Attributes:
        metrics: what is judged.
        grounds: the digests of all that it was measured with, by a name for people; empty where nothing outside counts.
    """

    metrics: Mapping[str, Metric]
    grounds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """What the verdict on an artifact is worth now.

    Attributes:
        verdict: judged anew by the gates as they are now.
        void: why its file lets nothing through, whoever overrides it; empty where it is what it has to be.
        overrides: who let it through before; they let nothing more through, every run has to say so itself.
    """

    artifact: Artifact
    gates: tuple[Gate, ...]
    findings: Findings
    verdict: Verdict
    void: str
    overrides: tuple[OverrideRecord, ...]

    @property
    def problem(self) -> str:
        """Why it lets nothing through, in one line; empty where it does."""
        if self.void or self.verdict.passed:
            return self.void
        reasons = "; ".join(result.reason for result in self.verdict.red)
        return f"{_name(self.artifact)} did not pass its gates: {reasons}; mend the data or the training, nothing below it runs"


def record_verdict(artifact: Artifact, findings: Findings, gates: Sequence[Gate]) -> Verdict:
    """Judges an artifact and writes the verdict beside it; overrides stay in it where it is the very same as before."""
    body = _body(artifact, findings, gates)
    try:
        stored = _stored(artifact)
    except StoreError:
        stored = {}
    _write(artifact, body, recorded_overrides(stored) if _same(stored, body) else ())
    return judge(findings.metrics, gates)


def recorded_overrides(verdict: Any) -> tuple[OverrideRecord, ...]:
    """What a verdict that was read says of overrides, whatever else it says; none where it cannot be understood."""
    try:
        return RECORDS.validate_python(verdict.get("overrides", ()) if isinstance(verdict, dict) else ())
    except ValidationError:
        return ()


def stand(
    artifact: Artifact, findings: Findings, gates: Sequence[Gate], now: Mapping[str, str] | None = None
) -> Standing:
    """What the verdict on an artifact is worth now.

    Args:
        artifact: its files are those of its digest, see `ArtifactStore.verify`.
        findings: what it says of itself.
        gates: the recipe's gates now.
        now: the grounds as they are now; one that is empty is there no more. None where the artifact has none.
    """
    body = _body(artifact, findings, gates)
    try:
        stored = _stored(artifact)
        void = _void(artifact, body, stored, now or {})
    except StoreError as error:
        stored, void = {}, f"the verdict on {_name(artifact)} cannot be read: {error}"
    verdict = judge(findings.metrics, gates)
    return Standing(artifact, tuple(gates), findings, verdict, void, recorded_overrides(stored))


def require_passed(standing: Standing, override: Override | None = None) -> Artifact:
    """Lets an artifact through only with a green verdict that still counts.

    Args:
        standing: see `stand`.
        override: lets a red one through and is recorded in it. None can stand for a verdict that is missing, void or
            edited: nobody knows what it would let through.

    Raises:
        GateError: there is no verdict, it is another's, void, edited, or it is red.
    """
    if standing.void or (standing.problem and override is None):
        raise GateError(standing.problem)
    if standing.problem and override is not None:
        record = override.used(standing.artifact.asset, [result.gate.metric for result in standing.verdict.red])
        if not any(record.repeats(known) for known in standing.overrides):
            body = _body(standing.artifact, standing.findings, standing.gates)
            _write(standing.artifact, body, (*standing.overrides, record))
    return standing.artifact


def _body(artifact: Artifact, findings: Findings, gates: Sequence[Gate]) -> dict[str, Any]:
    """All that a verdict says; there is no time in it, so that no clock decides anything."""
    verdict = judge(findings.metrics, gates)
    return {
        "asset": artifact.asset,
        "product": artifact.product,
        "digest": artifact.digest,
        "gates": gates_digest(gates),
        **({"grounds": dict(findings.grounds)} if findings.grounds else {}),
        "passed": verdict.passed,
        "results": verdict.rows(),
    }


def _write(artifact: Artifact, body: Mapping[str, Any], overrides: Sequence[OverrideRecord]) -> None:
    more = {"overrides": [record.model_dump(mode="json") for record in overrides]} if overrides else {}
    artifact.write_beside(GATE, {**body, **more})


def _stored(artifact: Artifact) -> dict[str, Any]:
    """What lies beside the artifact, as it stands; empty where nothing does."""
    found: Any = artifact.read_beside(GATE)
    return found if isinstance(found, dict) else {} if found is None else {"edited": found}


def _same(stored: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether a file says what it has to; what it says of overrides must be readable, nothing may stand beside."""
    said = {key: value for key, value in stored.items() if key != "overrides"}
    try:
        RECORDS.validate_python(stored.get("overrides", ()))
    except ValidationError:
        return False
    return atomic.sha256_json(said) == atomic.sha256_json(body)


def _name(artifact: Artifact) -> str:
    return f"{artifact.asset} {artifact.digest[:12]} of {artifact.product}"


def _void(artifact: Artifact, body: Mapping[str, Any], stored: Mapping[str, Any], now: Mapping[str, str]) -> str:
    name, again = _name(artifact), f"materialise {artifact.asset} again"
    own = ("asset", "product", "digest")
    if [stored.get(key) for key in own] != [body[key] for key in own]:
        return f"expected a verdict on {name}, found none; {again}"
    if stored.get("gates") != body["gates"]:
        return f"the verdict on {name} was given by other gates than the recipe's; {again}"
    changed = _changed(body.get("grounds", {}), now)
    if changed:
        return f"the verdict on {name} is void: {changed}; take that back, or {again} after what it reads"
    if not _same(stored, body):
        return f"the verdict on {name} is not what its metrics say: {artifact.verdict_path.name} was edited; {again}"
    return ""


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which grounds are others now, each with what was expected and what was got."""
    return ", ".join(
        f"{what} changed (expected {before.get(what, '')[:12] or 'none'}, got {now.get(what, '')[:12] or 'none'})"
        for what in {**before, **now}
        if not now.get(what) or before.get(what) != now[what]
    )
