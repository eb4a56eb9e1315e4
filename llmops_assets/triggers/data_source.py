"""Where training data come from: a branch of a git repository, or a plain folder; and which version of them there is.

What counts for a product: data/raw/<product>, data/review/<product>.jsonl (people's decisions on it) and data/eval/<product>
(the verdict on the old cases says nothing about the new ones, and a new case may stand in the training data). Recipes do not:
they come with the code.
"""

import os
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Protocol

from llmops_assets.errors import DataBranchError
from llmops_assets.project import Project
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import locked
from llmops_assets.storage.tarballs import unpack
from llmops_assets.triggers.git_command import git, redacted
from llmops_assets.triggers.mirror import Mirror

DATA = "data"
PARTS = {"raw": "raw/{product}", "review": "review/{product}.jsonl", "eval": "eval/{product}"}
RUN_PATIENCE_S = 1800.0
"""For one git command of a run, which no tick waits for."""
KEPT_DAYS = 7.0
"""So long after a run has last asked for it the data of a commit stay unpacked; no run lasts so long."""

Parts = Mapping[str, str]
"""Part -> hash of what it holds: {"raw": "3f9c...", "eval": "81aa..."}."""


@dataclass(frozen=True)
class Snapshot:
    """The data as they are at one moment.

    Attributes:
        commit: the branch's newest one; empty for a plain folder.
        trees: product -> its parts; without an entry where it has no raw data.
        place: for people: what was looked at.
    """

    commit: str
    trees: Mapping[str, Parts]
    place: str


class DataSource(Protocol):
    """Something that data come from."""

    def snapshot(self) -> Snapshot:
        """The data as they are now."""

    def folder(self, commit: str) -> Path:
        """A data folder with the files as of a commit."""


def find_data_source(project: Project) -> "GitBranch | DataFolder":
    """The branch LLMOPS_DATA_BRANCH (main) of LLMOPS_DATA_REPOSITORY (the project itself); the data folder where neither is set."""
    address, branch = (os.environ.get(f"LLMOPS_DATA_{name}", "") for name in ("REPOSITORY", "BRANCH"))
    if not address and not branch:
        return DataFolder(project.data)
    return GitBranch(
        Mirror.of(address or ".", project.root, project.home), branch or "main", project.home / "data_versions"
    )


@dataclass(frozen=True)
class DataFolder:
    """A plain folder: its version is a digest of names and contents."""

    root: Path

    def snapshot(self) -> Snapshot:
        """The data as they are now."""
        products = sorted(path.name for path in (self.root / "raw").glob("*") if path.is_dir())
        trees = {product: self.parts(product) for product in products}
        return Snapshot("", {product: parts for product, parts in trees.items() if "raw" in parts}, str(self.root))

    def folder(self, commit: str) -> Path:
        """Refuses: a plain folder has no past.

        Raises:
            DataBranchError: always.
        """
        raise DataBranchError(
            f"expected LLMOPS_DATA_REPOSITORY or LLMOPS_DATA_BRANCH to be set for a run on commit {commit}, got neither"
        )

    def parts(self, product: str) -> Parts:
        """The parts of one product."""
        paths = {part: self.root / form.format(product=product) for part, form in PARTS.items()}
        return {part: found for part, path in paths.items() if (found := _digest(path))}


def _digest(path: Path) -> str:
    """Of a file, or of all below a folder; empty where there is nothing."""
    if path.is_file():
        return atomic.sha256_file(path)[:16]
    return atomic.tree_digest(path)[:16] if path.is_dir() and atomic.files_in(path) else ""


@dataclass(frozen=True)
class GitBranch:
    """A branch: its version is git's own hash of a product's folders, so only what changed them counts."""

    mirror: Mirror
    branch: str
    versions: Path

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.branch} of {redacted(self.mirror.address)}"

    def snapshot(self) -> Snapshot:
        """The branch as it is now; without a commit where there is no such branch.

        Raises:
            DataBranchError: the repository cannot be reached.
        """
        ref = f"refs/heads/{self.branch}"
        git("check-ref-format", ref)
        commit = self.mirror.refs(ref).get(ref, "")
        if not commit:
            return Snapshot("", {}, self.place)
        return Snapshot(commit, self.trees(commit), f"{self.place} at {commit[:12]}")

    def trees(self, commit: str) -> Mapping[str, Parts]:
        """Product -> its parts at a commit, which is fetched where it is not here yet."""
        self.mirror.fetch(commit)
        objects = self.mirror.objects(commit, [f"{DATA}/{Path(form).parent}" for form in PARTS.values()])
        raw = f"{DATA}/raw/"
        products = [path.removeprefix(raw) for path in objects if path.startswith(raw)]
        return {product: _parts_of(product, objects) for product in products}

    def folder(self, commit: str) -> Path:
        """The data folder as of a commit, unpacked once.

        Raises:
            DataBranchError: the commit cannot be had, or holds no data folder of plain files.
        """
        mirror = replace(self.mirror, patience_s=RUN_PATIENCE_S)
        mirror.fetch(commit)
        made = self.versions / commit
        with atomic.disk_errors(self.versions):
            self.versions.mkdir(parents=True, exist_ok=True)
            with locked(self.versions / ".lock"):
                if not made.exists():
                    _drop_old(self.versions)
                    self._unpack(mirror, commit, made)
                os.utime(made)
        return made / DATA

    def _unpack(self, mirror: Mirror, commit: str, made: Path) -> None:
        aside, tar = self.versions / ".part", self.versions / ".part.tar"
        rmtree(aside, ignore_errors=True)
        aside.mkdir()
        mirror.archive(commit, DATA, tar)
        try:
            with tarfile.open(tar) as archive:
                strange = [entry.name for entry in archive if not (entry.isfile() or entry.isdir())]
                if strange:
                    raise tarfile.TarError(f"{strange[0]} is neither")
                unpack(archive, aside)
        except tarfile.TarError as error:
            raise DataBranchError(
                f"expected plain files and folders below {DATA} at {commit} of {self.place}, got: {error}; remove it"
            ) from error
        finally:
            tar.unlink()
        for path in atomic.files_in(aside):
            atomic.sync_folder(path)
        aside.replace(made)
        atomic.sync_folder(self.versions)


def _parts_of(product: str, objects: Mapping[str, str]) -> Parts:
    paths = {part: f"{DATA}/{form.format(product=product)}" for part, form in PARTS.items()}
    return {part: objects[path] for part, path in paths.items() if path in objects}


def _drop_old(versions: Path) -> None:
    oldest = time.time() - KEPT_DAYS * 86400
    for path in versions.glob("[0-9a-f]*"):
        if path.stat().st_mtime < oldest:
            rmtree(path)
