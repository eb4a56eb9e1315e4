"""One tiny base model and one little project that went through the whole chain, made once for all tests that copy or read it."""

import signal
from pathlib import Path

import pytest

from llmops_assets_tests.tiny_project import TinyProject, write_tiny_base, write_tiny_project

# A shell starts background jobs with SIGINT ignored, Dagster then ignores SIGTERM too, and every child would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture
def tiny_project(tmp_path: Path, tiny_base: Path) -> TinyProject:
    """A project that has made nothing yet."""
    return write_tiny_project(tmp_path / "project", tiny_base)


@pytest.fixture(scope="session")
def made_project(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> TinyProject:
    """A project whose TaskMaster went through the whole chain once, green. To be read and copied only; nothing serves."""
    made = write_tiny_project(tmp_path_factory.mktemp("made") / "project", tiny_base)
    try:
        made.llmops("run", "TaskMaster", timeout=500)
    finally:
        made.stop_server()
    return made
