"""A team's data repository and the bare one it pushes to, in folders of the test; git as it is installed."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.storage.atomic import write_text

AS_NOBODY = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_NAME": "A Writer" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "writer@example.org" for who in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True)
class DataRepository:
    """A working copy, and the remote that it pushes the branch main to."""

    work: Path
    remote: Path

    def git(self, *arguments: str) -> str:
        """Runs git in the working copy."""
        command = ["git", "-C", str(self.work), *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, env={**os.environ, **AS_NOBODY}
        ).stdout

    def commit(self, files: Mapping[str, str]) -> str:
        """Writes and commits files; returns the commit."""
        for name, text in files.items():
            write_text(self.work / name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"change {', '.join(files)}"[:60])
        return self.head()

    def push(self, files: Mapping[str, str]) -> str:
        """Commits files and pushes; returns the commit."""
        commit = self.commit(files)
        self.git("push", "--quiet", "--force", "origin", "main")
        return commit

    def head(self) -> str:
        """The commit of the working copy."""
        return self.git("rev-parse", "HEAD").strip()

    def tree(self, product: str, commit: str = "HEAD") -> str:
        """git's hash of a product's raw data."""
        return self.git("rev-parse", f"{commit}:data/raw/{product}").strip()


def data_repository(root: Path) -> DataRepository:
    """An empty working copy with an empty remote."""
    made = DataRepository(root / "work", root / "remote.git")
    made.work.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--bare", str(made.remote)], check=True)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("remote", "add", "origin", str(made.remote))
    return made
