"""Rollouts of real models, tiny ones, on a real embedded server."""

from dataclasses import replace
from pathlib import Path

import pytest

from llmops_assets.deployment.model_server import ModelServer
from llmops_assets.deployment.rollback import roll_back
from llmops_assets.deployment.rollout_steps import STEPS
from llmops_assets.errors import DeploymentError
from llmops_assets.storage import atomic
from llmops_assets_tests.deployment.releasing import (
    MODELFILE,
    NEW_ANSWER,
    OLD_ANSWER,
    SMOKE,
    Bench,
    WrongFrom,
    quiet,
    settings,
)


def test_the_first_release_serves_under_its_version_and_production(bench: Bench, old_gguf: Path) -> None:
    done = bench.release("1.0.0", old_gguf)
    assert (done.digest_matches, done.smoke_passed, done.version_tag, done.previous) == (
        True,
        1.0,
        f"{bench.model}:1.0.0",
        "",
    )
    assert set(bench.tags()) == {"1.0.0", "production"}
    assert bench.tags()["1.0.0"] == bench.tags()["production"]
    assert bench.server.gguf_sha256(f"{bench.model}:production") == atomic.sha256_file(old_gguf)
    assert bench.says() == OLD_ANSWER


def test_the_second_release_keeps_the_first_as_previous(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    first, said = bench.tags()["production"], bench.says()
    done = bench.release("1.1.0", new_gguf)
    assert done.previous == "1.0.0"
    assert bench.tags()["previous"] == first == bench.tags()["1.0.0"]
    assert bench.tags()["production"] == bench.tags()["1.1.0"] != first
    assert (bench.says("previous"), bench.says()) == (said, NEW_ANSWER)


def test_the_same_release_again_changes_nothing(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    bench.release("1.1.0", new_gguf)
    before = bench.tags()
    assert bench.release("1.1.0", new_gguf).previous == "1.0.0"
    assert bench.tags() == before


def test_a_released_version_never_means_another_file(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    before = bench.tags()
    with pytest.raises(DeploymentError, match=r"1\.0\.0 was released with the file .* bump product\.version"):
        bench.release("1.0.0", new_gguf)
    assert bench.tags() == before


def test_a_released_version_is_known_by_the_server_where_the_record_is_lost(
    bench: Bench, old_gguf: Path, new_gguf: Path, tmp_path: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    before, bench.state = bench.tags(), tmp_path / "empty"
    with pytest.raises(DeploymentError, match=r"bump product\.version"):
        bench.release("1.0.0", new_gguf)
    assert bench.tags() == before


def test_a_released_version_never_means_another_modelfile(bench: Bench, old_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    warmer = replace(MODELFILE, parameters={**MODELFILE.parameters, "temperature": 1})
    with pytest.raises(DeploymentError, match=r"another Modelfile.*bump"):
        bench.release("1.0.0", old_gguf, modelfile=warmer)


def test_a_version_that_never_served_may_be_made_again(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    with pytest.raises(DeploymentError):
        bench.release("1.0.0", old_gguf, WrongFrom(len(SMOKE) + 1))
    assert "1.0.0" in bench.tags()
    assert bench.release("1.0.0", new_gguf).digest_matches


def test_a_candidate_that_answers_wrong_leaves_production_as_it_was(
    bench: Bench, old_gguf: Path, wrong_gguf: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    before, said = bench.tags(), bench.says()
    with pytest.raises(
        DeploymentError, match=r"step smoke: .* 2 of 2 smoke tests wrong: .*production still serves 1\.0\.0"
    ):
        bench.release("1.1.0", wrong_gguf)
    assert bench.tags() == before
    assert bench.says() == said


def test_a_first_candidate_that_answers_wrong_leaves_nothing(bench: Bench, wrong_gguf: Path) -> None:
    with pytest.raises(DeploymentError, match=r"expected action 'create', got 'none'.*nothing serves yet"):
        bench.release("1.0.0", wrong_gguf)
    assert bench.tags() == {}


def test_a_release_that_breaks_after_the_promotion_is_taken_back(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    before, said = bench.tags(), bench.says()
    with pytest.raises(DeploymentError, match=r"step prove: .*production is 1\.0\.0 again and answers"):
        bench.release("1.1.0", new_gguf, WrongFrom(len(SMOKE) + 1))
    assert any("promote done" in line for line in bench.lines)
    assert bench.tags()["production"] == before["production"]
    assert bench.says() == said


def test_a_promotion_that_did_not_last_gives_previous_its_meaning_back(
    bench: Bench, old_gguf: Path, new_gguf: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    bench.release("1.1.0", new_gguf)
    before = bench.tags()
    other = replace(MODELFILE, parameters={**MODELFILE.parameters, "num_predict": 3})
    with pytest.raises(DeploymentError, match=r"production is 1\.1\.0 again"):
        bench.release("1.2.0", new_gguf, WrongFrom(len(SMOKE) + 1), modelfile=other)
    assert {name: digest for name, digest in bench.tags().items() if name != "1.2.0"} == before


def test_the_recipe_may_forbid_the_way_back(bench: Bench, old_gguf: Path, new_gguf: Path) -> None:
    bench.release("1.0.0", old_gguf)
    with pytest.raises(DeploymentError, match="rollback_on_failure to false"):
        bench.release("1.1.0", new_gguf, WrongFrom(len(SMOKE) + 1), rollback_on_failure=False)
    assert bench.tags()["production"] == bench.tags()["1.1.0"]


def test_a_file_that_was_not_judged_is_refused(bench: Bench, old_gguf: Path) -> None:
    with pytest.raises(DeploymentError, match=r"step verify: expected the judged file with sha256 000000000000"):
        bench.release("1.0.0", old_gguf, sha256="0" * 64)
    assert bench.tags() == {}


def test_a_cut_file_is_refused_by_the_server_in_one_line(bench: Bench, old_gguf: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(old_gguf.read_bytes()[:1000])
    with pytest.raises(DeploymentError, match=r"step (candidate|health)") as caught:
        bench.release("1.0.0", cut)
    assert "\n" not in str(caught.value)
    assert "production" not in bench.tags()


def test_a_check_that_fails_itself_is_a_failed_rollout(bench: Bench, old_gguf: Path) -> None:
    def broken(*_: object) -> str:
        raise ValueError("the check is broken")

    with pytest.raises(DeploymentError, match="step smoke: the check is broken; nothing serves yet"):
        bench.release("1.0.0", old_gguf, broken)
    assert bench.tags() == {}


def test_old_versions_go_but_never_what_serves_or_served_last(bench: Bench, old_gguf: Path) -> None:
    for minor in range(4):
        file = replace(MODELFILE, parameters={**MODELFILE.parameters, "num_predict": 2 + minor})
        bench.release(f"1.{minor}.0", old_gguf, modelfile=file, keep_versions=1)
    assert set(bench.tags()) == {"1.2.0", "1.3.0", "previous", "production"}


def test_no_smoke_tests_are_no_score(bench: Bench, old_gguf: Path) -> None:
    assert bench.release("1.0.0", old_gguf, smoke_tests=()).smoke_passed is None


def test_the_steps_are_told_and_timed(bench: Bench, old_gguf: Path) -> None:
    steps = bench.release("1.0.0", old_gguf).to_json()["steps"]
    assert tuple(step["name"] for step in steps) == STEPS
    assert all(step["seconds"] >= 0 and step["detail"] for step in steps)


def test_a_person_takes_a_release_back_and_it_does_not_come_back_on_its_own(
    bench: Bench, old_gguf: Path, new_gguf: Path
) -> None:
    bench.release("1.0.0", old_gguf)
    said = bench.says()
    bench.release("1.1.0", new_gguf)
    config = settings(bench.model)
    back = roll_back(bench.url, model_name=bench.model, config=config, state=bench.state, reason="slow", report=quiet)
    assert (back, bench.says()) == ("1.0.0", said)
    with pytest.raises(DeploymentError, match=r"1\.1\.0 was taken back \(.*slow\)"):
        bench.release("1.1.0", new_gguf)
    with pytest.raises(DeploymentError, match="there is none"):
        roll_back(bench.url, model_name=bench.model, config=config, state=bench.state, reason="again", report=quiet)
    assert bench.says() == said


@pytest.mark.parametrize("copied", [False, True])
def test_a_rollback_that_is_killed_keeps_the_bad_version_away(
    copied: bool, bench: Bench, old_gguf: Path, new_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.release("1.0.0", old_gguf)
    said = bench.says()
    bench.release("1.1.0", new_gguf)
    copy = ModelServer.copy

    def killed(self: ModelServer, source: str, target: str) -> None:
        if copied:
            copy(self, source, target)
        raise KeyboardInterrupt

    def taken_back() -> str:
        config = settings(bench.model)
        return roll_back(bench.url, model_name=bench.model, config=config, state=bench.state, reason="x", report=quiet)

    with monkeypatch.context() as patched:
        patched.setattr(ModelServer, "copy", killed)
        with pytest.raises(KeyboardInterrupt):
            taken_back()
    if not copied:
        assert taken_back() == "1.0.0"
    with pytest.raises(DeploymentError, match=r"1\.1\.0 was taken back"):
        bench.release("1.1.0", new_gguf)
    assert bench.says() == said
