"""A recipe that cannot be read: its own product says so and fails, the others go on."""

import json
import textwrap

import pytest

from llmops_assets.cli import main
from llmops_assets_tests.tiny_project import TinyProject

WRONG = "codereviewer.yaml: unknown key training.sft_epoch; closest right key: sft_epochs"
LEFT_OUT = f"llmops: CodeReviewer is left out: {WRONG}\n"
LAUNCH = textwrap.dedent(
    """
    import dagster as dg
    from llmops_assets.definitions import defs

    found = defs()
    job = found.resolve_implicit_global_asset_job_def()
    print(found.resolve_job_def("build_product").partitions_def.get_partition_keys())
    print(found.resolve_job_def("build_product").description)
    with dg.instance_for_test() as instance:
        for product in ("CodeReviewer", "DocWriter"):
            keys = [dg.AssetKey("eval_dataset")]
            done = job.execute_in_process(
                asset_selection=keys, partition_key=product, instance=instance, raise_on_error=False
            )
            errors = [event.step_failure_data.error for event in done.all_events if event.is_step_failure]
            print(product, done.success, *(error.cause.message.strip() for error in errors))
    """
)


@pytest.fixture
def project(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch) -> TinyProject:
    """CodeReviewer's recipe has a misspelt key."""
    path = tiny_project.root / "recipes" / "codereviewer.yaml"
    path.write_text(path.read_text().replace("sft_epochs:", "sft_epoch:"))
    tiny_project.enter(monkeypatch)
    return tiny_project


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> tuple[str, str]:
    """What a command prints on both ways out; it ends with this exit code."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    printed = capsys.readouterr()
    assert ended.value.code == code, printed
    return printed.out, printed.err


@pytest.mark.parametrize("command", ["status", "run"])
def test_who_asks_for_it_is_told_what_is_wrong_and_nothing_else(
    project: TinyProject, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert said(capsys, command, "CodeReviewer", code=1) == ("", f"llmops: {WRONG}\n")


def test_the_status_of_all_has_a_line_for_it(project: TinyProject, capsys: pytest.CaptureFixture[str]) -> None:
    out, errors = said(capsys, "status", code=0)
    assert [line.split()[0] for line in out.splitlines()] == ["DocWriter", "TaskMaster"]
    assert errors == LEFT_OUT
    rows = json.loads(said(capsys, "status", "--json", code=0)[0])
    assert {row["product"]: row["state"] for row in rows} == {
        "DocWriter": "never evaluated",
        "TaskMaster": "never evaluated",
        "CodeReviewer": f"no recipe: {WRONG}",
    }


def test_the_others_run_and_only_who_asked_for_all_gets_an_error(
    project: TinyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "run", "--all", "--stage", "data", code=1)[1] == LEFT_OUT
    for product in ("TaskMaster", "DocWriter"):
        assert project.store.find("preference_dataset", product) is not None
    assert said(capsys, "run", "DocWriter", "--stage", "data", code=0)[1] == LEFT_OUT


def test_its_port_is_not_known_to_the_doctor_who_goes_on(
    project: TinyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = said(capsys, "doctor", code=0)
    assert f"CodeReviewer cannot be read  {WRONG}" in out


def test_dagster_loads_and_only_its_steps_fail(project: TinyProject) -> None:
    """In a process of its own: the partitions are read at import."""
    done = project.python("-c", LAUNCH)
    keys, description, broken, other = done.stdout.splitlines()
    assert keys == "['TaskMaster', 'CodeReviewer', 'DocWriter']"
    assert f"CodeReviewer cannot run: {WRONG}." in description
    assert broken == f"CodeReviewer False llmops_assets.errors.RecipeError: {WRONG}"
    assert other == "DocWriter True"
