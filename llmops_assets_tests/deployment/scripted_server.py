"""A stand-in for Ollama that says what a script says: one entry an answer, the seconds that it takes with it."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Line:
    """One answer of the script; as many tokens as it has words."""

    text: str
    done_reason: str = "stop"
    takes_s: float = 0.0
    error: str = ""

    @property
    def body(self) -> dict[str, Any]:
        if self.error:
            return {"error": self.error}
        said = {"role": "assistant", "content": self.text}
        counts = {"prompt_eval_count": 10, "eval_count": len(self.text.split())}
        return {"model": "m", "message": said, "done": True, "done_reason": self.done_reason, **counts}


@dataclass
class Scripted:
    """Its address, what it will still say, how long it takes to list its models, and what it was asked."""

    script: list[Line]
    url: str = ""
    lists_after_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)


@contextlib.contextmanager
def scripted_server(*script: Line) -> Iterator[Scripted]:
    """Listens while the block runs; it has the model `m`."""
    scripted = Scripted([*script])

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(scripted.lists_after_s)
            self.reply(200, {"models": [{"name": "m:production", "model": "m:production", "digest": "d"}]})

        def do_POST(self) -> None:
            scripted.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            line = scripted.script.pop(0)
            time.sleep(line.takes_s)
            self.reply(400 if line.error else 200, line.body)

        def reply(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
