"""The way back: `:previous` serves as `:production` again and proves it; and the mending of a rollout that was killed."""

from collections.abc import Callable
from pathlib import Path

from llmops_assets.deployment.health import Patience, release_of, require_answer, version_tags
from llmops_assets.deployment.journal import Entry, Journal
from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.releases import ReleaseRecord
from llmops_assets.errors import DeploymentError
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.storage.artifact_store import locked

RECORD, JOURNAL, LOCK = "releases.json", "journal.json", ".lock"
PROMOTING = ("promote", "prove")


def put_back(server: ModelServer, model_name: str, patience: Patience) -> None:
    """Copies `:previous` over `:production` and proves that it answers.

    Raises:
        DeploymentError: it does not, or the server is gone.
    """
    production, previous = f"{model_name}:production", f"{model_name}:previous"
    server.copy(previous, production)
    if server.digest(production) != server.digest(previous):
        raise DeploymentError(f"expected {production} at {server.url} to be {previous} after the copy, it is not")
    require_answer(server, production, patience)


def roll_back(
    url: str, *, model_name: str, config: DeploymentConfig, state: Path, reason: str, report: Callable[[str], None]
) -> str:
    """Takes the release in production back, for good: its version is not deployed again on its own.

    Args:
        url: the server.
        model_name: of the recipe.
        config: of the recipe, for its patience.
        state: the folder in which rollouts of this model keep their records.
        reason: recorded.
        report: called with one line.

    Returns:
        The version that serves now; empty where the server has no version tag of it.

    Raises:
        DeploymentError: there is nothing to go back to, or it does not answer.
    """
    server, patience = ModelServer(url), Patience.of(config)
    state.mkdir(parents=True, exist_ok=True)
    with locked(state / LOCK):
        mend(server, model_name, Journal(state / JOURNAL), patience, report)
        tags = server.tags()
        production, previous = tags.get(f"{model_name}:production"), tags.get(f"{model_name}:previous")
        if previous is None or (production is not None and production.digest == previous.digest):
            raise DeploymentError(
                f"expected an earlier release of {model_name} at {url}, there is none; deploy a version that works"
            )
        bad = release_of(tags, model_name)
        if bad:  # before the copy: killed after it, production would no longer tell which version was bad
            ReleaseRecord(state / RECORD).withdraw(bad, reason)
        put_back(server, model_name, patience)
        good = release_of(server.tags(), model_name)
        report(
            f"{model_name}:production is {good or 'the previous release'} again and answers; {bad or 'it'} was taken back"
        )
    return good


def mend(
    server: ModelServer, model_name: str, journal: Journal, patience: Patience, report: Callable[[str], None]
) -> None:
    """Brings a model whose rollout was killed into a state that a whole rollout could have left.

    Raises:
        DeploymentError: neither the new nor the previous release answers, or the server is gone.
    """
    entry = journal.read()
    if entry is None:
        return
    report(f"{model_name}: the rollout of {entry.version} was killed at step {entry.step}; mending")
    _mend_production(server, model_name, entry, patience, report)
    restore_previous(server, entry)
    server.delete(f"{model_name}:candidate")
    journal.end()


def _mend_production(
    server: ModelServer, model_name: str, entry: Entry, patience: Patience, report: Callable[[str], None]
) -> None:
    """A killed server may have lost the tag, and a promoted release may not have been proven."""
    tags = server.tags()
    production, previous = tags.get(f"{model_name}:production"), tags.get(f"{model_name}:previous")
    if production is None:
        lost = entry.production != ""
    else:
        unproven = entry.step in PROMOTING and production.digest != entry.production
        lost = unproven and not _answers(server, production.name, patience)
    if lost and previous is not None:
        put_back(server, model_name, patience)
        report(f"{model_name}: put the previous release back")


def _answers(server: ModelServer, name: str, patience: Patience) -> bool:
    try:
        require_answer(server, name, patience)
    except DeploymentError:
        return False
    return True


def restore_previous(server: ModelServer, entry: Entry) -> None:
    """Gives `:previous` its old meaning where a promotion did not last; a version tag still holds it."""
    tags, name = server.tags(), f"{entry.model}:previous"
    production, previous = tags.get(f"{entry.model}:production"), tags.get(name)
    if (
        production is None
        or production.digest != entry.production
        or previous is None
        or previous.digest == entry.previous
    ):
        return
    same = [tag.name for tag in version_tags(tags, entry.model) if tag.digest == entry.previous]
    if same:
        server.copy(same[0], name)
    elif not entry.previous:
        server.delete(name)
