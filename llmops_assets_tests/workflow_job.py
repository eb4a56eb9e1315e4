"""Runs a job of a workflow file as GitHub's runner would: conditions, expressions, files for outputs, and `run:` by bash -e.

Steps that use an action are passed over; what they do is not ours.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")
TOKEN = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][\w.-]*\(?|&&|\|\||[=!]=|[!()]|,")
PYTHON = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "!=": "!=", "(": "(", ")": ")", ",": ","}

GITHUB = {
    "event_name": "workflow_dispatch",
    "ref_type": "branch",
    "ref_name": "main",
    "sha": "HEAD",
    "actor": "ana",
    "server_url": "https://github.example",
    "repository": "team/llmops",
    "run_id": "77",
}
"""What a run by hand on main knows of itself."""


def workflow(name: str) -> dict[str, Any]:
    """A workflow file; YAML's `on` is spelt as the text that it is."""
    text = (WORKFLOWS / name).read_text(encoding="utf-8").replace("\non:\n", '\n"on":\n')
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@dataclass
class Job:
    """One job of a workflow while it runs.

    Attributes:
        contexts: what expressions can name: github, inputs, vars, secrets, needs, matrix.
        environment: of the runner.
        folder: where the runner keeps its files.
        cwd: the checkout; never this repository, for a job that finds its .venv would really train.
    """

    workflow: str
    name: str
    contexts: dict[str, Any]
    environment: Mapping[str, str]
    folder: Path
    cwd: Path
    outcomes: dict[str, str] = field(default_factory=dict)
    secrets_of: dict[str, list[str]] = field(default_factory=dict)
    log: str = ""

    def run(self) -> str:
        """Runs every step and returns how the job ended: success or failure."""
        self.contexts |= {"steps": {}, "job": {"status": "success"}}
        state = {**self.environment}
        for number, step in enumerate(self.spec["steps"]):
            self._step(step.get("name") or step.get("id") or f"step {number}", step, state)
        return str(self.contexts["job"]["status"])

    @property
    def spec(self) -> dict[str, Any]:
        """The job as the file has it."""
        found: dict[str, Any] = workflow(self.workflow)["jobs"][self.name]
        return found

    @property
    def outputs(self) -> dict[str, str]:
        """What later jobs get from it."""
        return {name: self.fill(value) for name, value in self.spec.get("outputs", {}).items()}

    def fill(self, text: Any) -> str:
        """Text with its expressions worked out."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(self.value(found[1])), str(text), flags=re.DOTALL)

    def value(self, expression: str) -> Any:
        """An expression's value: names, texts, &&, ||, !, ==, != and the functions below."""
        failed = self.contexts.get("job", {}).get("status") == "failure"
        functions = {"always": lambda: True, "failure": lambda: failed, "fromJSON": json.loads}
        rest = TOKEN.sub("", expression).strip()
        assert not rest, f"this cannot be worked out here: {rest!r} in {expression!r}"
        python = "".join(self._python(token) for token in TOKEN.findall(expression))
        return eval(python, {"look": self._look, "functions": functions})

    def _python(self, token: str) -> str:
        if token.startswith("'"):
            return repr(token[1:-1].replace("''", "'"))
        if token.endswith("(") and token != "(":
            return f"functions[{token[:-1]!r}]("
        return PYTHON.get(token) or f"look({token!r})"

    def _look(self, name: str) -> Any:
        """A name's value; what is not there is empty, as on GitHub."""
        found: Any = self.contexts
        for part in name.split("."):
            found = found.get(part, "") if isinstance(found, Mapping) else ""
        return found

    def _step(self, name: str, step: Mapping[str, Any], state: dict[str, str]) -> None:
        failed = self.contexts["job"]["status"] == "failure"
        condition = str(step.get("if", ""))
        bare = condition.removeprefix("${{").removesuffix("}}")
        wanted = bool(self.value(bare)) if bare else True
        outcome = "skipped"
        if wanted and (not failed or "always()" in bare or "failure()" in bare):
            outcome = "success" if "uses" in step else self._shell(name, step, state)
        self.outcomes[name] = outcome
        if "id" in step:
            self.contexts["steps"].setdefault(step["id"], {})["outcome"] = outcome
        if outcome == "failure":
            self.contexts["job"]["status"] = "failure"

    def _shell(self, name: str, step: Mapping[str, Any], state: dict[str, str]) -> str:
        files = {file: self.folder / file for file in FILES}
        for path in files.values():
            path.write_text("", encoding="utf-8")
        given = {**self.spec.get("env", {}), **step.get("env", {})}
        self.secrets_of[name] = [key for key, value in given.items() if "secrets." in str(value)]
        filled = {key: self.fill(value) for key, value in given.items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.cwd,
            env={**state, **filled, **{file: str(path) for file, path in files.items()}},
            capture_output=True,
            text=True,
            timeout=600,
        )
        self.log += f"== {name}\n{done.stdout}{done.stderr}"
        state |= _pairs(files["GITHUB_ENV"])
        state["PATH"] = os.pathsep.join([*files["GITHUB_PATH"].read_text().split(), state["PATH"]])
        if "id" in step:
            self.contexts["steps"].setdefault(step["id"], {})["outputs"] = _pairs(files["GITHUB_OUTPUT"])
        return "failure" if done.returncode else "success"


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines())


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
