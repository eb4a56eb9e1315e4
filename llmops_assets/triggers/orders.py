"""What a trigger asks for: one run of one product, why, on which data, under which version. It travels as the run's tags.

{"llmops/reason": "new data: raw", "llmops/data_commit": "3f9c...", "llmops/data_tree": "81aa...", "llmops/inputs": "5b1d...",
 "llmops/version": "1.0.1", "llmops/version_date": "2026-11-29", "llmops/version_change": "new data: raw"}
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

REASON_LENGTH = 200
"""The most that a tag shows well."""


@dataclass(frozen=True)
class RunOrder:
    """One asked-for run; what is empty is left to the recipe and to the data as they are.

    Attributes:
        reason: why, in one line.
        data_commit: the run reads the data as of this commit.
        data_tree: the hash of the product's raw data.
        inputs: digest of data and recipe; what was built of the same need not be built again.
        version: what comes out is released under it.
        version_date: of its entry in the changelog, ISO, where the recipe has none.
        version_change: what that entry says.
    """

    reason: str = ""
    data_commit: str = ""
    data_tree: str = ""
    inputs: str = ""
    version: str = ""
    version_date: str = ""
    version_change: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """As the tags of a run."""
        values = {field.name: str(getattr(self, field.name))[:REASON_LENGTH] for field in fields(self)}
        return {f"llmops/{name}": value for name, value in values.items() if value}

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> "RunOrder":
        """The order behind a run; an empty one where nobody ordered it."""
        return cls(**{field.name: tags.get(f"llmops/{field.name}", "") for field in fields(cls)})
