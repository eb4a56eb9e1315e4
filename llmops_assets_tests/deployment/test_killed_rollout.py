"""A rollout that is killed with SIGKILL at each step, before and after what the step does, and a server that is."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.deployment.model_server import client_of
from llmops_assets.deployment.rollout_steps import STEPS
from llmops_assets.errors import DeploymentError
from llmops_assets.serving.embedded_server import RunningServer, start
from llmops_assets.storage import atomic
from llmops_assets_tests.deployment.releasing import NEW_ANSWER, OLD_ANSWER, Bench
from llmops_assets_tests.deployment.saying_model import write_saying_model

MOMENTS = [(step, said) for step in STEPS for said in (f": {step}", f": {step} done")]


def _rollout_that_is_killed(bench: Bench, gguf: Path, said: str) -> None:
    client_of.cache_clear()

    def report(line: str) -> None:
        if line.split(",")[0].endswith(said):
            os.kill(os.getpid(), signal.SIGKILL)

    bench.release("1.1.0", gguf, report=report)


def kill_rollout(bench: Bench, gguf: Path, said: str) -> None:
    child = multiprocessing.get_context("fork").Process(target=_rollout_that_is_killed, args=(bench, gguf, said))
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL


@contextlib.contextmanager
def asked_all_the_time(bench: Bench) -> Iterator[list[str]]:
    """Asks production again and again while the block runs; an error is an answer that no model gives."""
    answers: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                answers.append(bench.says())
            except DeploymentError as error:
                answers.append(str(error))
            time.sleep(0.05)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize(("step", "said"), MOMENTS, ids=lambda value: value.strip(": ").replace(" ", "-"))
def test_production_answers_all_the_time_and_the_next_rollout_succeeds(
    bench: Bench, old_gguf: Path, new_gguf: Path, step: str, said: str
) -> None:
    bench.release("1.0.0", old_gguf)
    with asked_all_the_time(bench) as answers:
        kill_rollout(bench, new_gguf, said)
        assert bench.release("1.1.0", new_gguf).previous == "1.0.0"
    assert set(answers) <= {OLD_ANSWER, NEW_ANSWER}
    assert any(f"killed at step {step}" in line for line in bench.lines)
    assert bench.says() == NEW_ANSWER
    assert set(bench.tags()) == {"1.0.0", "1.1.0", "previous", "production"}
    assert not (bench.state / "journal.json").exists()


def test_a_kill_before_the_promotion_does_not_cost_the_way_back(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("0.9.0", new_gguf)
    bench.release("1.0.0", old_gguf)
    before = bench.tags()
    kill_rollout(bench, new_gguf, ": previous done")
    assert bench.tags()["previous"] == before["production"]
    with pytest.raises(DeploymentError, match="step verify"):
        bench.release("1.2.0", new_gguf, sha256="0" * 64)
    tags = bench.tags()
    assert (tags["production"], tags["previous"]) == (before["production"], before["previous"])
    assert "candidate" not in tags


def test_a_production_that_was_lost_is_put_back_by_the_next_rollout(
    bench: Bench, old_gguf: Path, new_gguf: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    kill_rollout(bench, new_gguf, ": promote done")
    bench.server.delete(f"{bench.model}:production")
    with pytest.raises(DeploymentError, match=r"production still serves 1\.0\.0"):
        bench.release("1.2.0", new_gguf, sha256="0" * 64)
    assert bench.says() == OLD_ANSWER


def test_a_promoted_release_that_does_not_answer_is_taken_back_by_the_next_rollout(
    bench: Bench, server: RunningServer, old_gguf: Path, tmp_path: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    broken = write_saying_model(tmp_path / "broken.gguf", '{"action":"create","title":"call Ana, not for long"}')
    kill_rollout(bench, broken, ": promote done")
    client_of(bench.url, 60).generate(model=f"{bench.model}:production", keep_alive=0)
    (server.folder / "blobs" / f"sha256-{atomic.sha256_file(broken)}").unlink()
    with pytest.raises(DeploymentError, match=r"production still serves 1\.0\.0"):
        bench.release("1.2.0", old_gguf, sha256="0" * 64)
    assert bench.says() == OLD_ANSWER


def test_a_server_that_goes_in_the_middle_is_one_line_and_the_next_rollout_succeeds(
    old_gguf: Path, new_gguf: Path, tmp_path: Path
) -> None:
    server = start(tmp_path / "library", port=None)
    bench = Bench(server.url, "gone", tmp_path / "state")
    bench.release("1.0.0", old_gguf)

    def report(line: str) -> None:
        if line.endswith(": promote"):
            os.kill(server.pid, signal.SIGKILL)

    with pytest.raises(
        DeploymentError, match=r"step promote: .*is the server up.*what serves now is unknown"
    ) as caught:
        bench.release("1.1.0", new_gguf, report=report)
    assert "\n" not in str(caught.value)
    server.stop()
    again = start(tmp_path / "library", port=None)
    try:
        bench.url = again.url
        assert bench.says() == OLD_ANSWER
        bench.release("1.1.0", new_gguf)
        assert bench.says() == NEW_ANSWER
    finally:
        again.stop()
