"""Version tags: `v1.2.0` releases every product that has data at its commit, `TaskMaster-v1.2.0` one.

The cursor: {"tags": {"v1.2.0": "3f9c..."}}. What is there at the first look was released by people, and is left alone.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmops_assets.pipeline.workshop import Workshop
from llmops_assets.recipes.product import SEMVER
from llmops_assets.triggers.data_source import GitBranch
from llmops_assets.triggers.ordering import inputs_of, numbers
from llmops_assets.triggers.orders import RunOrder

PREFIX = "refs/tags/"
PEELED = "^{}"
NAME = re.compile(rf"^(?:(?P<product>[A-Za-z][A-Za-z0-9_-]*)-)?v(?P<version>{SEMVER.strip('^$')})$")


@dataclass(frozen=True)
class VersionTag:
    """A tag that names a version; of one product, or of all where it names none."""

    name: str
    commit: str
    version: str
    product: str

    def concerns(self, product: str) -> bool:
        """Whether it is a version of this product."""
        return self.product.casefold() in ("", product.casefold())


@dataclass(frozen=True)
class NoticedTags:
    """What a look at the tags came to: the new ones by version, what is known afterwards, and what else there is to say."""

    new: tuple[VersionTag, ...]
    cursor: str
    reason: str


def notice_tags(cursor: str, refs: Mapping[str, str], products: Sequence[str]) -> NoticedTags:
    """Compares a repository's tags (`refs/tags/...`, peeled ones as well) with those of the last look."""
    found = {tag.name: tag for tag in version_tags(refs) if any(map(tag.concerns, products))}
    now = {name: tag.commit for name, tag in found.items()}
    if not cursor:
        reason = f"{len(now)} version tags were there before; those that are pushed from now on are released"
        return NoticedTags((), json.dumps({"tags": now}, sort_keys=True), reason)
    known: dict[str, str] = json.loads(cursor)["tags"]
    new = tuple(tag for name, tag in found.items() if name not in known)
    moved = [name for name, commit in now.items() if known.get(name, commit) != commit]
    reason = f"moved since they were seen, so not released again: {', '.join(moved)}" if moved else ""
    return NoticedTags(
        new, json.dumps({"tags": now | known}, sort_keys=True), reason or ("" if new else "no new version tag")
    )


def version_tags(refs: Mapping[str, str]) -> list[VersionTag]:
    """The tags that name a version, lowest first; an annotated one stands for the commit that it points to."""
    tags = [(ref.removeprefix(PREFIX), commit) for ref, commit in refs.items() if not ref.endswith(PEELED)]
    found = [
        VersionTag(name, refs.get(f"{PREFIX}{name}{PEELED}", commit), match["version"], match["product"] or "")
        for name, commit in tags
        if (match := NAME.match(name))
    ]
    return sorted(found, key=lambda tag: (numbers(tag.version), tag.name))


@dataclass(frozen=True)
class Release:
    """The order to release a product as a tag says."""

    product: str
    key: str
    order: RunOrder


def releases(branch: GitBranch, tags: Sequence[VersionTag], shops: Sequence[Workshop]) -> list[Release]:
    """One release for each product that a tag concerns and that has data at its commit, lowest versions first."""
    return [release for tag in tags for release in _of_tag(branch, tag, shops)]


def _of_tag(branch: GitBranch, tag: VersionTag, shops: Sequence[Workshop]) -> list[Release]:
    trees, note = branch.trees(tag.commit), branch.mirror.tag_note(f"{PREFIX}{tag.name}")
    return [
        Release(
            shop.product,
            f"{shop.product}:v{tag.version}@{tag.commit}",
            RunOrder(
                reason=f"release {tag.name}",
                data_commit=tag.commit,
                data_tree=trees[shop.product]["raw"],
                inputs=inputs_of(shop.recipe, trees[shop.product]),
                version=tag.version,
                version_date=note.date,
                version_change=note.subject,
            ),
        )
        for shop in shops
        if tag.concerns(shop.product) and shop.product in trees
    ]
