"""The entry point: everything below `defs`, nothing listed by hand."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Loads the defs folder."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
