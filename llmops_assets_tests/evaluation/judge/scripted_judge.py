"""A judge model that says what a script tells it, behind a real socket, in OpenAI's protocol and in Ollama's."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from llmops_assets.recipes.evaluation import JudgeConfig

Script = Callable[[str], "str | Reply"]
"""The prompt -> what the model says."""


@dataclass(frozen=True)
class Reply:
    """What the server sends where it is not just a text of the model: `raw` instead of the protocol's envelope."""

    text: str = ""
    status: int = 200
    raw: str | None = None
    wait_s: float = 0
    ended: str = "stop"


@dataclass
class ScriptedJudge:
    """A running server and what it was asked."""

    url: str
    asked: list[dict[str, Any]] = field(default_factory=list)

    def config(self, provider: str = "openai-compatible", **changes: Any) -> JudgeConfig:
        base = f"{self.url}/v1" if provider == "openai-compatible" else self.url
        settings = {"provider": provider, "base_url": base, "model": "scripted", "timeout_s": 5, **changes}
        return JudgeConfig.model_validate(settings)


@contextlib.contextmanager
def scripted_judge(script: Script, port: int = 0) -> Iterator[ScriptedJudge]:
    """Serves a script on a loopback port; 0 takes a free one."""

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            judge.asked.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
            said = script(body["messages"][-1]["content"])
            reply = said if isinstance(said, Reply) else Reply(said)
            time.sleep(reply.wait_s)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send(reply.status, envelope(self.path, reply) if reply.raw is None else reply.raw)

        def send(self, status: int, text: str) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Api)
    judge = ScriptedJudge(f"http://127.0.0.1:{server.server_address[1]}")
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield judge
    finally:
        server.shutdown()
        server.server_close()


def envelope(path: str, reply: Reply) -> str:
    """A chat reply as the path's protocol has it."""
    message = {"role": "assistant", "content": reply.text}
    if path == "/api/chat":
        return json.dumps({"model": "scripted", "message": message, "done": True, "done_reason": reply.ended})
    choice = {"index": 0, "message": message, "finish_reason": reply.ended}
    return json.dumps({"id": "1", "object": "chat.completion", "model": "scripted", "choices": [choice]})


def score(value: float, reason: str = "because") -> str:
    """A reply to a question for a score."""
    return json.dumps({"reason": reason, "score": value})


def winner(value: str) -> str:
    """A reply to a question for the better of two answers."""
    return json.dumps({"reason": "because", "winner": value})


def is_comparison(prompt: str) -> bool:
    """Whether two answers are to be compared."""
    return "\nAnswer 2:\n" in prompt


def answers_of(prompt: str) -> tuple[str, str]:
    """The two answers of a comparison, in their order."""
    found = re.search(r"\nAnswer 1:\n(.*)\n\nAnswer 2:\n(.*)\n\nWhich answer", prompt, re.DOTALL)
    assert found
    return found[1], found[2]


def actual(prompt: str) -> tuple[str, str]:
    """The answer to be scored and the expected one."""
    found = re.search(r"\nActual Output:\n(.*?) \n\nExpected Output:\n(.*?) \n", prompt, re.DOTALL)
    assert found
    return found[1], found[2]


def fair(prompt: str) -> str:
    """A judge that prefers what is right, wherever it stands, and knows what is right from the expected answer."""
    if is_comparison(prompt):
        first, second = answers_of(prompt)
        return winner("1" if len(first) > len(second) else "2")
    said, wanted = actual(prompt)
    return score(5 if said == wanted else 1)
