"""Whether a name answers, and what else is known of it on a server."""

import re
import time
from dataclasses import dataclass

from llmops_assets.deployment.model_server import ModelServer, Tag
from llmops_assets.errors import DeploymentError
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.recipes.product import SEMVER

QUESTION = "Hello"
TOKENS = 4
PAUSE_S = 0.5


@dataclass(frozen=True)
class Patience:
    """How often a model is asked before it counts as dead, and how long each time."""

    attempts: int
    timeout_s: float

    @classmethod
    def of(cls, config: DeploymentConfig) -> "Patience":
        """The recipe's."""
        return cls(config.health_attempts, config.health_timeout_s)


def require_answer(server: ModelServer, name: str, patience: Patience) -> str:
    """Asks until there is an answer, and says after how many attempts; loading a model may take a while.

    Raises:
        DeploymentError: no attempt was answered; with the last error.
    """
    for attempt in range(1, patience.attempts):
        try:
            server.answer(name, QUESTION, timeout_s=patience.timeout_s, tokens=TOKENS)
        except DeploymentError:
            time.sleep(PAUSE_S * attempt)
        else:
            return f"answered at attempt {attempt}"
    server.answer(name, QUESTION, timeout_s=patience.timeout_s, tokens=TOKENS)
    return f"answered at attempt {patience.attempts}"


def version_tags(tags: dict[str, Tag], model_name: str) -> list[Tag]:
    """The tags of a model that are versions, newest first."""
    begin = f"{model_name.casefold()}:"
    found = [tag for tag in tags.values() if tag.name.startswith(begin) and re.match(SEMVER, tag.name[len(begin) :])]
    return sorted(found, key=lambda tag: (tag.modified.timestamp() if tag.modified else 0.0, tag.name), reverse=True)


def release_of(tags: dict[str, Tag], model_name: str, name: str = "production") -> str:
    """Which version a name means, by equal digests; empty where there is none."""
    tag = tags.get(f"{model_name}:{name}".casefold())
    same = [version for version in version_tags(tags, model_name) if tag and version.digest == tag.digest]
    return same[0].name.partition(":")[2] if same else ""


def serving_problem(server: ModelServer, production: str, gguf_sha256: str, patience: Patience) -> str:
    """Why production does not serve this file; empty where it answers with it."""
    try:
        found = server.gguf_sha256(production)
        require_answer(server, production, patience)
    except DeploymentError as error:
        return str(error)
    return "" if found == gguf_sha256 else f"{production} serves another file, {found[:12]}"
