"""git never asks, ends with all that it started, reads no option out of an address, and keeps passwords to itself."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from llmops_assets.errors import DataBranchError
from llmops_assets.triggers.git_command import git, redacted
from llmops_assets.triggers.mirror import Mirror
from llmops_assets_tests.triggers.data_repository import DataRepository, data_repository


@pytest.fixture
def repository(tmp_path: Path) -> DataRepository:
    """With one commit in its remote."""
    made = data_repository(tmp_path / "data")
    made.push({"data/raw/TaskMaster/rows.jsonl": "{}\n"})
    return made


def script(path: Path, lines: str) -> Path:
    """A program that stands in for ssh."""
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def lives(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ana:s3cret@host/data.git", "https://***@host/data.git"),
        (
            "fatal: 'https://token@host/x' and ssh://git@host:22/y",
            "fatal: 'https://***@host/x' and ssh://***@host:22/y",
        ),
        ("https://ana:p@ss@host/x", "https://***@host/x"),
        ("/srv/data@2.git", "/srv/data@2.git"),
    ],
)
def test_credentials_are_starred(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_an_address_with_a_password_fails_without_telling_it(tmp_path: Path) -> None:
    mirror = Mirror.of("https://ana:s3cret@127.0.0.1:9/data.git", tmp_path, tmp_path)
    with pytest.raises(DataBranchError) as caught:
        mirror.refs()
    assert "https://***@127.0.0.1:9/data.git" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("address", ["ssh://git@host.example/{remote}", "git@host.example:{remote}"])
def test_ssh_is_used_in_batch_mode_and_the_data_come_through_it(
    tmp_path: Path, repository: DataRepository, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    ssh = script(tmp_path / "ssh", f'echo "$GIT_TERMINAL_PROMPT $*" > {said}\nfor last; do :; done\neval "$last"')
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    place = str(repository.remote) if "ssh://" not in address else str(repository.remote).lstrip("/")
    mirror = Mirror.of(address.format(remote=place), tmp_path, tmp_path / "home")
    commit = mirror.refs("refs/heads/main")["refs/heads/main"]
    mirror.fetch(commit)
    assert commit == repository.head()
    assert mirror.objects(commit, ["data/raw"]) == {"data/raw/TaskMaster": repository.tree("TaskMaster")}
    assert "0 -o BatchMode=yes" in said.read_text(encoding="utf-8")


def test_what_takes_too_long_is_killed_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    ssh = script(tmp_path / "ssh", f"echo $$ > {pid}\nsleep 600")
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    with pytest.raises(DataBranchError, match=r"to end within 2 s, it did not; run it once by hand"):
        git("ls-remote", "--", "ssh://ana:s3cret@host.example/x", patience_s=2)
    process = int(pid.read_text(encoding="utf-8"))
    for _ in range(100):
        if not lives(process):
            break
        time.sleep(0.1)
    assert not lives(process)


@pytest.mark.parametrize("address", ["--upload-pack=touch {made}", "-oProxyCommand=touch {made}:x"])
def test_an_address_is_no_option(tmp_path: Path, address: str) -> None:
    made = tmp_path / "made"
    with pytest.raises(DataBranchError, match="expected a path or an address"):
        Mirror.of(address.format(made=made), tmp_path, tmp_path)


@pytest.mark.parametrize("address", ["ext::sh -c touch% {made}", "http://127.0.0.1:9/x", "git://127.0.0.1:9/x"])
def test_other_transports_are_not_used(tmp_path: Path, address: str) -> None:
    made = tmp_path / "made"
    with pytest.raises(DataBranchError, match="not allowed"):
        Mirror.of(address.format(made=made), tmp_path, tmp_path).refs()
    assert not made.exists()


def test_a_path_is_taken_from_the_project(tmp_path: Path, repository: DataRepository) -> None:
    mirror = Mirror.of("data/work", tmp_path, tmp_path / "home")
    assert mirror.refs("refs/heads/main") == {"refs/heads/main": repository.head()}


def test_the_repository_of_a_hook_that_started_us_is_not_written_to(
    tmp_path: Path, repository: DataRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other))
    mirror = Mirror.of(str(repository.remote), tmp_path, tmp_path / "home")
    mirror.fetch(mirror.refs("refs/heads/main")["refs/heads/main"])
    assert not other.exists()


@pytest.mark.parametrize("commit", ["main", "--output=/tmp/x", "abc123", "HEAD~1", "0" * 39])
def test_only_a_full_hash_is_a_commit(tmp_path: Path, repository: DataRepository, commit: str) -> None:
    mirror = Mirror.of(str(repository.remote), tmp_path, tmp_path / "home")
    with pytest.raises(DataBranchError, match="expected the full hash of a commit"):
        mirror.fetch(commit)


def test_several_processes_fetch_at_the_same_time(tmp_path: Path, repository: DataRepository) -> None:
    commits = [repository.push({"data/raw/TaskMaster/rows.jsonl": f"{number}\n"}) for number in range(8)]
    repository.git("-C", str(repository.remote), "config", "uploadpack.allowAnySHA1InWant", "true")
    mirror = Mirror.of(str(repository.remote), tmp_path, tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(mirror.fetch, commits)) == [None] * 8
    assert all(mirror.objects(commit, ["data/raw"]) for commit in commits)


def test_what_a_killed_git_left_locked_is_opened_again(tmp_path: Path, repository: DataRepository) -> None:
    mirror = Mirror.of(str(repository.remote), tmp_path, tmp_path / "home")
    mirror.fetch(repository.head())
    (mirror.folder / "shallow.lock").touch()
    mirror.fetch(repository.push({"data/raw/TaskMaster/rows.jsonl": "more\n"}))


def test_a_repository_of_sha256_is_read_as_well(tmp_path: Path) -> None:
    made = DataRepository(tmp_path / "work", tmp_path / "work" / ".git")
    made.work.mkdir()
    made.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    commit = made.commit({"data/raw/TaskMaster/rows.jsonl": "{}\n"})
    mirror = Mirror.of(str(made.work), tmp_path, tmp_path / "home")
    mirror.fetch(commit)
    assert mirror.objects(commit, ["data/raw"]) == {"data/raw/TaskMaster": made.tree("TaskMaster")}
