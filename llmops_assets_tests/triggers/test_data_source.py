"""The data folder of a commit: its very files, from a branch that has moved on, whatever attributes say; nothing half unpacked."""

import os
import time
from pathlib import Path

import pytest

from llmops_assets.errors import DataBranchError
from llmops_assets.project import Project
from llmops_assets.triggers.data_source import KEPT_DAYS, DataFolder, GitBranch, find_data_source
from llmops_assets.triggers.mirror import Mirror
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository

ROWS = "data/raw/TaskMaster/rows.jsonl"


@pytest.fixture
def repository(tmp_path: Path) -> DataRepository:
    return data_repository(tmp_path / "data")


@pytest.fixture
def branch(tmp_path: Path, repository: DataRepository) -> GitBranch:
    home = tmp_path / "home"
    return GitBranch(Mirror.of(str(repository.remote), tmp_path, home), "main", home / "data_versions")


def test_the_files_are_those_of_the_commit_and_not_of_the_branch_now(
    branch: GitBranch, repository: DataRepository
) -> None:
    first = repository.push({ROWS: "first\n", "README.md": "words\n"})
    branch.trees(first)
    repository.push({ROWS: "second\n"})
    folder = branch.folder(first)
    assert (folder / "raw" / "TaskMaster" / "rows.jsonl").read_text(encoding="utf-8") == "first\n"
    assert [path.name for path in folder.parent.iterdir()] == ["data"]


def test_a_commit_that_was_pushed_over_is_still_there(branch: GitBranch, repository: DataRepository) -> None:
    first = repository.push({ROWS: "first\n"})
    branch.trees(first)
    repository.git("commit", "--quiet", "--amend", "--message", "other")
    repository.push({ROWS: "second\n"})
    repository.git("-C", str(repository.remote), "gc", "--quiet", "--prune=now")
    assert (branch.folder(first) / "raw" / "TaskMaster" / "rows.jsonl").read_text(encoding="utf-8") == "first\n"


def test_another_machine_fetches_the_commit_by_itself(
    branch: GitBranch, repository: DataRepository, tmp_path: Path
) -> None:
    first = repository.push({ROWS: "first\n"})
    repository.push({ROWS: "second\n"})
    repository.git("-C", str(repository.remote), "config", "uploadpack.allowReachableSHA1InWant", "true")
    other = GitBranch(Mirror.of(str(repository.remote), tmp_path, tmp_path / "other"), "main", tmp_path / "versions")
    assert (other.folder(first) / "raw" / "TaskMaster" / "rows.jsonl").read_text(encoding="utf-8") == "first\n"


def test_attributes_neither_leave_out_nor_change_a_file(branch: GitBranch, repository: DataRepository) -> None:
    attributes = "data/raw/** export-ignore\n*.jsonl export-subst text eol=crlf ident\n"
    repository.commit({".gitattributes": attributes, "data/raw/.gitattributes": "* export-ignore\n"})
    commit = repository.push({ROWS: "$Format:%H$ $Id$\n"})
    folder = branch.folder(commit)
    assert (folder / "raw" / "TaskMaster" / "rows.jsonl").read_bytes() == b"$Format:%H$ $Id$\n"


def test_a_link_is_refused(branch: GitBranch, repository: DataRepository) -> None:
    (repository.work / "data" / "raw").mkdir(parents=True)
    (repository.work / "data" / "raw" / "passwd.jsonl").symlink_to("/etc/passwd")
    commit = repository.push({ROWS: "first\n"})
    with pytest.raises(DataBranchError, match=r"expected plain files .* data/raw/passwd.jsonl is neither; remove it"):
        branch.folder(commit)
    assert not list(branch.versions.glob("*/data/raw/*"))


def test_a_commit_without_a_data_folder_says_so(branch: GitBranch, repository: DataRepository) -> None:
    commit = repository.push({"README.md": "words\n"})
    with pytest.raises(DataBranchError, match="data"):
        branch.folder(commit)


def test_what_a_kill_left_half_unpacked_is_made_anew(branch: GitBranch, repository: DataRepository) -> None:
    commit = repository.push({ROWS: "first\n"})
    half = branch.versions / ".part" / "data" / "raw" / "Half"
    half.mkdir(parents=True)
    (branch.versions / ".part.tar").write_bytes(b"half")
    assert [path.name for path in (branch.folder(commit) / "raw").iterdir()] == ["TaskMaster"]


def test_data_that_no_run_has_asked_for_in_a_while_go(branch: GitBranch, repository: DataRepository) -> None:
    old, used = (branch.folder(repository.push({ROWS: text})).parent for text in ("old\n", "used\n"))
    for folder in (old, used):
        os.utime(folder, (time.time() - KEPT_DAYS * 86400 - 60,) * 2)
    branch.folder(used.name)
    newest = branch.folder(repository.push({ROWS: "new\n"})).parent
    assert {path for path in branch.versions.glob("[0-9a-f]*")} == {used, newest}


@pytest.mark.parametrize("name", ["main..x", "*", "a b", "x.lock"])
def test_a_name_that_no_branch_can_have_is_refused(branch: GitBranch, name: str) -> None:
    with pytest.raises(DataBranchError, match="check-ref-format"):
        GitBranch(branch.mirror, name, branch.versions).snapshot()


@pytest.mark.parametrize(
    ("repository", "branch", "found"),
    [
        ("", "", ""),
        ("", "data", "data of {root}"),
        ("up", "", "main of {root}/up"),
        ("https://a:b@h/x", "", "main of https://***@h/x"),
    ],
)
def test_the_settings_say_where_data_come_from(
    tmp_path: Path, repository: str, branch: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_DATA_REPOSITORY", repository)
    monkeypatch.setenv("LLMOPS_DATA_BRANCH", branch)
    source = find_data_source(Project(tmp_path))
    place = source.place if isinstance(source, GitBranch) else ""
    assert place == found.format(root=tmp_path)


def test_a_plain_folder_has_no_past(tmp_path: Path) -> None:
    with pytest.raises(DataBranchError, match="expected LLMOPS_DATA_REPOSITORY or LLMOPS_DATA_BRANCH"):
        DataFolder(tmp_path).folder("a" * 40)
