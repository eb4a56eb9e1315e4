"""Our own bare copy of the commits that were asked for; the repository they come from is only read.

`<home>/data_repository/<digest of its address>.git`, one ref a commit: refs/llmops/<commit>. A fetch that was killed leaves
no ref, so what has one is whole.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.errors import DataBranchError
from llmops_assets.storage import atomic
from llmops_assets.storage.artifact_store import locked
from llmops_assets.triggers.git_command import PATIENCE_S, git, redacted

COMMIT = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
SCP = re.compile(r"^[^/-][^/]*:")
RAW_BYTES = "* -text -ident -export-ignore -export-subst -working-tree-encoding\n"
"""Files come out as they were committed, whatever the repository's .gitattributes or this machine's settings say."""


@dataclass(frozen=True)
class TagNote:
    """What a version tag says: its date (ISO) and the first line of its message, or of its commit's."""

    date: str
    subject: str


@dataclass(frozen=True)
class Mirror:
    """The copy of one repository; `patience_s` is for each command."""

    address: str
    folder: Path
    patience_s: float = PATIENCE_S

    @classmethod
    def of(cls, address: str, root: Path, home: Path) -> "Mirror":
        """The mirror of a repository; a path is taken from `root`.

        Raises:
            DataBranchError: the address would be an option.
        """
        if address.startswith("-"):
            raise DataBranchError(f"expected a path or an address in LLMOPS_DATA_REPOSITORY, got {redacted(address)}")
        if "://" not in address and not SCP.match(address):
            address = str((root / Path(address).expanduser()).resolve())
        return cls(address, home / "data_repository" / f"{atomic.sha256_bytes(address.encode())[:16]}.git")

    def refs(self, *patterns: str) -> dict[str, str]:
        """Ref -> object, of the repository as it is now; tags also peeled, as `<ref>^{}`.

        Raises:
            DataBranchError: it cannot be reached.
        """
        rows = git("ls-remote", "--", self.address, *patterns, patience_s=self.patience_s).splitlines()
        return {name: found for found, name in (row.split("\t", 1) for row in rows)}

    def fetch(self, commit: str) -> None:
        """Copies a commit with its files and without its history, where it is not here yet.

        Raises:
            DataBranchError: that is no commit, or it cannot be had.
        """
        if not COMMIT.match(commit):
            raise DataBranchError(f"expected the full hash of a commit, got {commit!r}")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        # Sensors and runs come here at the same time, and git gives up where another git is at work.
        with locked(self.folder.with_suffix(".lock")):
            for left in self.folder.rglob("*.lock"):
                # By a git that was killed: nobody else is at work now.
                left.unlink()
            self._set_up(commit)
            if not self._git("for-each-ref", f"refs/llmops/{commit}"):
                self._fetch(commit, f"refs/llmops/{commit}")

    def tag_note(self, tag: str) -> TagNote:
        """What a tag of the repository says, whose commit was fetched."""
        ref = f"refs/llmops-{tag.removeprefix('refs/')}"
        with locked(self.folder.with_suffix(".lock")):
            self._fetch(tag, ref)
        date, subject = self._git("for-each-ref", "--format=%(creatordate:short)%09%(contents:subject)", ref).split(
            "\t", 1
        )
        return TagNote(date, subject.strip())

    def objects(self, commit: str, folders: Sequence[str]) -> Mapping[str, str]:
        """Path -> hash of what lies directly in these folders at a commit that was fetched."""
        listed = self._git("ls-tree", "-z", commit, "--", *(f"{folder}/" for folder in folders))
        rows = (row.split("\t", 1) for row in listed.split("\0") if row)
        return {path: row.split()[2] for row, path in rows}

    def archive(self, commit: str, folder: str, into: Path) -> None:
        """Writes a folder as of a commit that was fetched as a tar file."""
        with into.open("wb") as file:
            self._git("archive", "--format=tar", commit, "--", folder, stdout=file.fileno())

    def _fetch(self, wanted: str, ref: str) -> None:
        self._git("fetch", "--quiet", "--no-tags", "--depth=1", "--", self.address, f"+{wanted}:{ref}")

    def _git(self, *arguments: str, stdout: int | None = None) -> str:
        return git(*arguments, repository=self.folder, stdout=stdout, patience_s=self.patience_s)

    def _set_up(self, commit: str) -> None:
        if (self.folder / "info" / "attributes").exists():
            return
        kind = "sha1" if len(commit) == 40 else "sha256"
        self._git("init", "--quiet", "--bare", f"--object-format={kind}")
        atomic.write_text(self.folder / "info" / "attributes", RAW_BYTES)
