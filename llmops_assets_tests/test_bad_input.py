"""Bad input of each kind: one line that says what was expected, what came and what to do; exit code 1; nothing half-written."""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from llmops_assets.errors import LLMOpsError
from llmops_assets.pipeline import data, deployment
from llmops_assets.storage.atomic import read_jsonl
from llmops_assets_tests.complaints import one_line, workshop
from llmops_assets_tests.tiny_project import TinyProject

PRODUCTS = "expected one of the products CodeReviewer, DocWriter, TaskMaster, got Nobody"
STAGES = (
    "expected one of the stages data, training, export, evaluation, deployment, monitoring, productization, got dance"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "Nobody"), PRODUCTS),
        (("status", "Nobody"), PRODUCTS),
        (("ask", "Nobody", "hello"), PRODUCTS),
        (("init", "Other", "--from", "Nobody"), PRODUCTS),
        (("run", "TaskMastr"), "did you mean TaskMaster?"),
        (("run", "--stage", "dance"), STAGES),
        (("run", "--config", "none.yaml"), "expected a recipe at none.yaml, found none; `llmops init NAME` writes one"),
        (
            ("ask", "TaskMaster", "hi"),
            "expected a deployment of TaskMaster that was not taken back, found none; run `llmops run",
        ),
        (("init", "TaskMaster"), "expected no recipe at"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_request_that_cannot_be_met(tiny_project: TinyProject, arguments: tuple[str, ...], message: str) -> None:
    assert message in one_line(tiny_project.llmops(*arguments, code=1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"data:", b"data: [", "taskmaster.yaml line"),
        (b"sft_epochs: 12", b"sft_epoch: 12", "unknown key training.sft_epoch; closest right key: sft_epochs"),
        (
            b"sft_epochs: 12",
            b"sft_epochs: many",
            "taskmaster.yaml: training.sft_epochs: Input should be a valid integer",
        ),
        (b"task: command", b"task: dance", "'command', 'code_review' or 'docstring', got 'dance'"),
        (b"a tiny product", b"a tin\xff product", "expected readable UTF-8"),
        (b"pipeline_id: tiny-taskmaster\n", b"", "expected the key pipeline_id, found none"),
    ],
    ids=["bad YAML", "unknown key", "wrong type", "wrong value", "wrong encoding", "missing key"],
)
def test_a_wrong_recipe(tiny_project: TinyProject, old: bytes, new: bytes, message: str) -> None:
    path = tiny_project.root / "recipes" / "taskmaster.yaml"
    before = path.read_bytes()
    path.write_bytes(before.replace(old, new, 1))
    assert path.read_bytes() != before
    assert message in one_line(tiny_project.llmops("run", "TaskMaster", code=1))


def spoil(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: [path.write_bytes(content) for path in folder.glob(f"*/TaskMaster/{name}.jsonl")] and None


def empty(folder: Path) -> None:
    shutil.rmtree(folder / "raw" / "TaskMaster")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("rows", b'{"messages": [\n{"messages"\n'), "got none of 2; rows.jsonl:1: expected a JSON object"),
        (spoil("rows", b"7\n[]\n"), "got none of 2; rows.jsonl:1: expected one of the keys"),
        (
            spoil("rows", '{"prompt": "a", "completion": "b"}\n'.encode("utf-16")),
            "rows.jsonl:1: expected UTF-8, got byte 0xff",
        ),
        (spoil("rows", b""), "to pass cleaning, got none of 0; the files are empty"),
        (empty, "expected JSONL files with conversations for TaskMaster, found none; put some into its raw folder"),
    ],
    ids=["corrupt lines", "no objects", "wrong encoding", "empty file", "no folder"],
)
def test_raw_data_that_hold_nothing(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], message: str
) -> None:
    change(tiny_project.root / "data")
    with pytest.raises(LLMOpsError) as caught:
        data.curated_conversations(workshop(tiny_project, monkeypatch))
    assert message in str(caught.value)
    assert "TaskMaster" in str(caught.value)
    assert tiny_project.store.find("curated_conversations", "TaskMaster") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"id": "a", \n', "expected JSON in line 1 of"),
        (b"[]\n", "expected a JSON object in line 1 of"),
        (b'{"id": "\xe9"}\n', "expected UTF-8 in"),
        (b'{"id": "a"}\n', "contract.jsonl:1 of TaskMaster: expected a case with its own id, messages and expected"),
    ],
    ids=["corrupt", "no object", "wrong encoding", "no case"],
)
def test_evaluation_cases_are_never_left_out_silently(
    tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    spoil("contract", content)(tiny_project.root / "data")
    with pytest.raises(LLMOpsError) as caught:
        data.eval_dataset(workshop(tiny_project, monkeypatch))
    assert message in str(caught.value)


@pytest.mark.parametrize("base", ["/nowhere/at/all", "no-such-model", "missing.gguf"])
def test_a_base_model_that_is_not_there(tiny_project: TinyProject, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    tiny_project.change_recipe("TaskMaster", {"training": {"base_model": base}})
    with pytest.raises(LLMOpsError) as caught:
        data.curated_conversations(workshop(tiny_project, monkeypatch))
    assert f"expected {base} to be" in str(caught.value) or f"expected the base model {base}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_rows_are_kept_in_quarantine_and_the_run_goes_on(tiny_project: TinyProject) -> None:
    path = tiny_project.root / "data" / "raw" / "TaskMaster" / "rows.jsonl"
    rows = path.read_bytes().count(b"\n")
    bad = b'{"id": "cut", "messages": [{"role"\n' + b'{"prompt": "caf\xe9", "completion": "x"}\n' + b'{"nothing": 1}\n'
    path.write_bytes(bad + path.read_bytes())
    tiny_project.llmops("run", "TaskMaster", "--stage", "data")
    curated = tiny_project.store.latest("curated_conversations", "TaskMaster")
    quarantine = read_jsonl(curated.file("quarantine.jsonl"))
    assert [row["rule"] for row in quarantine[:3]] == ["json", "encoding", "form"]
    assert [row["where"] for row in quarantine[:3]] == ["rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"]
    assert curated.metadata["shown"]["funnel"]["unreadable"] == 3
    assert curated.metadata["shown"]["records"] + len(quarantine) == rows + 3


def test_a_step_that_fails_is_one_line_of_the_run_and_stands_in_its_result(tiny_project: TinyProject) -> None:
    spoil("rows", b"{\n")(tiny_project.root / "data")
    line = one_line(tiny_project.llmops("run", "TaskMaster", code=1))
    assert line.startswith(
        "llmops: TaskMaster: curated_conversations: expected records of TaskMaster to pass cleaning, got none of 1"
    )
    (error,) = tiny_project.result()["errors"]
    assert line == f"llmops: TaskMaster: {error}"
    assert json.loads(tiny_project.llmops("status", "TaskMaster", "--json").stdout)[0]["state"] == "never evaluated"


@pytest.fixture
def stranger() -> Iterator[int]:
    """A port on which somebody listens and says nothing that we know."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_of_the_model_server(
    made_project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: int
) -> None:
    project = made_project.copy(tmp_path / "project")
    taken = {"ollama_url": f"http://127.0.0.1:{stranger}", "embedded_server": False}
    project.change_recipe("TaskMaster", {"deployment": taken})
    assert f"expected Ollama's API at http://127.0.0.1:{stranger}" in one_line(
        project.llmops("ask", "TaskMaster", "hi", code=1)
    )
    before = project.store.latest("ollama_deployment", "TaskMaster")
    with pytest.raises(
        LLMOpsError, match=r"something else answers there: .*; free the port or set deployment\.ollama_url"
    ):
        deployment.ollama_deployment(workshop(project, monkeypatch))
    assert project.store.latest("ollama_deployment", "TaskMaster") == before


def test_a_taken_port_of_the_gateway(made_project: TinyProject, tmp_path: Path, stranger: int) -> None:
    project = made_project.copy(tmp_path / "project")
    try:
        line = one_line(project.llmops("serve", "TaskMaster", "--port", str(stranger), code=1))
    finally:
        project.stop_server()
    assert line == (
        f"llmops: expected to serve the gateway on 127.0.0.1:{stranger}, got: Address already in use; "
        "set deployment.gateway_port"
    )
