"""Dagster's instance on a real PostgreSQL, by the sample in deploy/: a run of one process is read back by another."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRunStatus

from llmops_assets_tests.tiny_project import REAL, TinyProject, free_port

pytest.importorskip("dagster_postgres", reason="needs the extra `cluster`")
SECRET = "only-for-this-test"


def unprivileged() -> str | None:
    """Whom the server runs as: it refuses root."""
    if os.getuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


@contextlib.contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """A server with a database until the block ends: the variables that the sample reads."""
    user, port, folder = unprivileged(), free_port(), Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    if user:
        shutil.chown(folder, user)
    (folder / "password").write_text(SECRET, encoding="utf-8")
    (folder / "password").chmod(0o644)
    data, options = folder / "data", f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"

    def command(*words: str) -> None:
        subprocess.run(
            words, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user, extra_groups=[] if user else None
        )

    with contextlib.ExitStack() as after:
        after.callback(shutil.rmtree, folder, ignore_errors=True)
        command("initdb", "-D", str(data), "-U", "llmops", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}")
        command("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        after.callback(command, "pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        names = ("DAGSTER_PG_HOST", "DAGSTER_PG_PORT", "DAGSTER_PG_USER", "DAGSTER_PG_PASSWORD", "DAGSTER_PG_DB")
        yield dict(zip(names, ("127.0.0.1", str(port), "llmops", SECRET, "postgres"), strict=True))


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("initdb") is None, reason="needs PostgreSQL's own programs (Debian package postgresql)"
)
def test_a_run_is_recorded_on_postgres_and_read_back_by_another_process(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tiny_project.root / "home" / "dagster"
    home.mkdir(parents=True)
    shutil.copyfile(REAL / "deploy" / "dagster-postgres.yaml", home / "dagster.yaml")
    with postgres() as server:
        for name, value in server.items():
            monkeypatch.setenv(name, value)
        tiny_project.llmops("run", "TaskMaster", "--stage", "data")
        with DagsterInstance.from_config(str(home)) as instance:
            (run,) = instance.get_runs()
            made = instance.get_materialized_partitions(AssetKey("preference_dataset"))
        shutil.rmtree(tiny_project.store.root / "preference_dataset")
        tiny_project.llmops("run", "TaskMaster", "--stage", "data")
        with DagsterInstance.from_config(str(home)) as instance:
            statuses = [run.status for run in instance.get_runs()]
            storage = type(instance.run_storage).__name__
    assert run.job_name == "build_data"
    assert made == {"TaskMaster"}
    assert statuses == [DagsterRunStatus.SUCCESS] * 2
    assert "Postgres" in storage
    assert not list(home.rglob("*.db"))
    assert SECRET not in "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
