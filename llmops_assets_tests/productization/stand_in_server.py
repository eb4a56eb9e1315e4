"""A stand-in for the model server with the part of Ollama's API that a bundle's scripts use.

It answers with the request, reversed; where a form is asked for, with the first words that the form allows, as a new task; with an
error where the request holds "broken".

Runs on bare Python as `python -m ... --host H --port P --models DIR`, like the real one.
"""

import argparse
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODELS: dict[str, dict[str, Any]] = {}
FOLDER = Path()
BUSY_FIRST: list[int] = [1]


class Api(BaseHTTPRequestHandler):
    """version, tags, blobs, create, show, chat."""

    def reply(self, status: int, body: Any = None, **headers: str) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        models = [{"name": name, "model": name, "size": 1, "digest": "d"} for name in MODELS]
        self.reply(200, {"models": models} if self.path == "/api/tags" else {"version": "0"})

    def do_HEAD(self) -> None:
        self.reply(404)

    def do_POST(self) -> None:
        data = (
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if "Content-Length" in self.headers
            else self.chunks()
        )
        if self.path.startswith("/api/blobs/"):
            found = "sha256:" + hashlib.sha256(data).hexdigest()
            return self.reply(201 if self.path.endswith(found) else 400)
        body = json.loads(data)
        if self.path == "/api/create":
            MODELS[body["model"]] = body
            (FOLDER / "created.json").write_text(json.dumps(body))
            return self.reply(200, {"status": "success"})
        if body["model"] not in MODELS:
            return self.reply(404, {"error": f"model '{body['model']}' not found"})
        if self.path == "/api/show":
            made = MODELS[body["model"]]
            (digest,) = made["files"].values()
            modelfile = f'FROM /blobs/{digest.replace(":", "-")}\nTEMPLATE """{made["template"]}"""\n'
            return self.reply(200, {"modelfile": modelfile, "model_info": {}})
        if "format" in body and "broken" in body["messages"][-1]["content"]:
            return self.reply(500, {"error": "no form today"})
        if BUSY_FIRST and BUSY_FIRST.pop():
            return self.reply(503, {"error": "server busy"}, Retry_After="0")
        text = body["messages"][-1]["content"][::-1]
        if "format" in body:
            words = body["format"]["$defs"]["words"]["enum"]
            text = json.dumps({"action": "create", "title": words[0]}, separators=(",", ":"))
        said = {"role": "assistant", "content": text}
        return self.reply(
            200, {"model": body["model"], "message": said, "done": True, "done_reason": "stop", "eval_count": 7}
        )

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--host", "--port", "--models"):
        parser.add_argument(option)
    given = parser.parse_args()
    FOLDER = Path(given.models)
    ThreadingHTTPServer((given.host, int(given.port)), Api).serve_forever()
