"""Where things are: the project's folders, from the environment or from the working directory."""

import os
from dataclasses import dataclass
from pathlib import Path

from llmops_assets.storage.artifact_store import ArtifactStore
from llmops_assets.storage.remote_store import open_store

MARK = "workspace.yaml"


@dataclass(frozen=True)
class Project:
    """The folders of one checkout.

    Attributes:
        root: the checkout.
        data_version: where data of a certain commit lie, for a run that was started for them; None: as they are now.
    """

    root: Path
    data_version: Path | None = None

    @property
    def recipes(self) -> Path:
        """One YAML a product."""
        return Path(os.environ.get("LLMOPS_RECIPES", self.root / "llmops_assets" / "recipes"))

    @property
    def data(self) -> Path:
        """`raw/<product>/`, `eval/<product>/` and `<product>/TASK.md`."""
        return self.data_version or Path(os.environ.get("LLMOPS_DATA", self.root / "data"))

    @property
    def store(self) -> ArtifactStore:
        """The artifact store: LLMOPS_STORE (a folder, or s3://bucket/prefix), or `data/artifacts` in the checkout.

        Raises:
            StoreError: LLMOPS_STORE is a URL of another kind.
        """
        place = os.environ.get("LLMOPS_STORE") or str(self.root / "data" / "artifacts")
        return open_store(place, Path(os.environ.get("LLMOPS_SCRATCH", self.home / "copies")))

    @property
    def home(self) -> Path:
        """State that is no artifact: Dagster's home, the model server's library, the cache of base models."""
        return Path(os.environ.get("LLMOPS_HOME", self.root / ".home"))


def find_project() -> Project:
    """LLMOPS_PROJECT, or the nearest folder upwards that holds workspace.yaml, or the checkout the package lies in."""
    given = os.environ.get("LLMOPS_PROJECT")
    if given:
        return Project(Path(given).resolve())
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / MARK).exists():
            return Project(folder)
    return Project(Path(__file__).resolve().parents[1])
