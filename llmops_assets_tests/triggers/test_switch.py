"""One variable switches all automations on, or some; a misspelt name is told."""

import os
import subprocess
import sys

import pytest

from llmops_assets.errors import LLMOpsError
from llmops_assets.triggers.switch import AUTOMATIONS, switched_on

SHOWN = """
from llmops_assets.definitions import defs
found = [*(defs().sensors or ()), *(defs().schedules or ())]
print(sorted(one.name for one in found if one.default_status.value == "RUNNING"))
"""


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ("", set()),
        ("off", set()),
        ("on", set(AUTOMATIONS)),
        ("hourly_drift", {"hourly_drift"}),
        ("hourly_drift, release_tagged", {"hourly_drift", "release_tagged"}),
    ],
)
def test_what_is_switched_on(given: str, on: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_AUTOMATION", given)
    assert {name for name in AUTOMATIONS if switched_on(name)} == on


def test_a_misspelt_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_AUTOMATION", "hourly_drift,weekly")
    with pytest.raises(LLMOpsError, match="got 'weekly'"):
        switched_on("hourly_drift")


def test_the_definitions_follow_the_switch() -> None:
    environment = {**os.environ, "LLMOPS_AUTOMATION": "on"}
    done = subprocess.run([sys.executable, "-c", SHOWN], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(sorted(AUTOMATIONS))
