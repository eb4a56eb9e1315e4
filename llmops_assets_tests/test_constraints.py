"""What is installed is what constraints.txt says: a fresh solve gives the tested set, and nothing unpinned slips in."""

import re
from importlib import metadata
from pathlib import Path

NOT_OURS = {"pip", "setuptools", "wheel", "llmops-assets"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    text = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8")
    return {normal(name): version for name, version in (line.split("==") for line in text.split())}


def needed() -> set[str]:
    """The project's own dependencies with all that those need, by name; what else lies in the environment is not ours."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [("llmops-assets", ("dev",))]
    while waiting:
        name, extras = waiting.pop()
        for text in metadata.requires(name) or []:
            line = Requirement(text)
            wanted = any(line.marker.evaluate({"extra": extra}) for extra in extras or ("",)) if line.marker else True
            if wanted and normal(line.name) not in found:
                found.add(normal(line.name))
                waiting.append((line.name, tuple(line.extras)))
    return found


def test_every_package_that_the_project_needs_is_installed_as_pinned() -> None:
    pinned = pins()
    got = {name: metadata.version(name).split("+")[0] for name in needed() - NOT_OURS}
    assert {name: version for name, version in got.items() if pinned.get(name) != version} == {}
