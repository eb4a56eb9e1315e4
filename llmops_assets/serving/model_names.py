"""Model names: `[host/][namespace/]model[:tag]`, compared without regard to case."""

import re
from dataclasses import dataclass

from llmops_assets.errors import ServingError

HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
PARTS = {
    "host": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}"),
    "namespace": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}"),
    "model": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"),
    "tag": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"),
}


class InvalidNameError(ServingError):
    """A text that is no model name."""


@dataclass(frozen=True)
class ModelName:
    """A full model name."""

    host: str
    namespace: str
    model: str
    tag: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The folders of its manifest, and the manifest's file name."""
        return self.host, self.namespace, self.model, self.tag

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for names that mean the same model."""
        return tuple(part.casefold() for part in self.parts)

    def __str__(self) -> str:
        """As listings print it: without the defaults, always with the tag."""
        short = f"{self.model}:{self.tag}"
        if self.host != HOST:
            return f"{self.host}/{self.namespace}/{short}"
        return short if self.namespace == NAMESPACE else f"{self.namespace}/{short}"


def parse_name(text: str) -> ModelName:
    """Reads a name; what is left out has Ollama's defaults.

    Raises:
        InvalidNameError: with Ollama's text.
    """
    before, _, last = text.rpartition("/")
    model, colon, tag = last.partition(":")
    host, _, namespace = before.rpartition("/")
    name = ModelName(host or HOST, namespace or NAMESPACE, model, tag if colon else TAG)
    slashes = text.count("/")
    empty = text.startswith("/") or "//" in text
    if slashes > 2 or empty or not all(PARTS[part].fullmatch(getattr(name, part)) for part in PARTS):
        raise InvalidNameError("invalid model name")
    return name
