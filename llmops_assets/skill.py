"""The skill for coding agents that the package carries: how this pipeline is used, in the form that they read."""

from importlib.resources import files
from pathlib import Path

from llmops_assets.errors import SkillError
from llmops_assets.storage import atomic

PLACE = Path(".claude/skills/llmops-pipeline/SKILL.md")
"""Where a project keeps it."""


def skill_text() -> str:
    """The skill as the package carries it."""
    return (files("llmops_assets") / "skills" / PLACE.parent.name / PLACE.name).read_text(encoding="utf-8")


def install_skill(folder: Path, *, force: bool) -> str:
    """Writes the skill into a project and says what was done.

    Args:
        folder: the project.
        force: also over a file that is another one.

    Raises:
        SkillError: the folder is none, or a file that differs is there already.
        StoreError: the disk refused.
    """
    if not folder.is_dir():
        raise SkillError(f"expected a folder to put the skill into, got {folder}; make it first")
    target, text = folder / PLACE, skill_text()
    before = target.read_bytes() if target.exists() else None
    if before == text.encode():
        return f"{target} is up to date"
    if before is not None and not force:
        raise SkillError(
            f"expected no skill at {target} or this version's, got one that was changed; --force overwrites it"
        )
    return f"wrote {atomic.write_text(target, text)}"
