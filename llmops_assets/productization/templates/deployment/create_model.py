"""Creates {{ model_name }} in the server at --url from ../../model/Modelfile, through Ollama's API. Does nothing where it stands already."""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import ollama

MODEL = "{{ model_name }}"
DIGEST = "sha256:{{ gguf_sha256 }}"
FOLDER = Path(__file__).resolve().parents[2] / "model"
INSTRUCTION = re.compile(
    r"^(?P<key>FROM|TEMPLATE|SYSTEM|LICENSE|PARAMETER)[ \t]+(?:\"\"\"(?P<long>.*?)\"\"\"|(?P<short>[^\n]*))", re.DOTALL | re.MULTILINE
)


def read_modelfile(text: str) -> dict:
    """The fields that the API wants: template, system, license and parameters."""
    fields: dict = {"parameters": {}}
    for found in INSTRUCTION.finditer(text):
        value = found["long"] if found["long"] is not None else found["short"].strip()
        if found["key"] == "PARAMETER":
            name, _, word = value.partition(" ")
            add_parameter(fields["parameters"], name, word.strip())
        elif found["key"] != "FROM":
            fields[found["key"].lower()] = value
    return fields


def add_parameter(parameters: dict, name: str, word: str) -> None:
    """Numbers as numbers, and `stop` as a list, because it may come several times."""
    if name == "stop":
        parameters.setdefault("stop", []).append(json.loads(word) if word.startswith('"') else word)
        return
    try:
        parameters[name] = json.loads(word)
    except json.JSONDecodeError:
        parameters[name] = word


def wait_for(client: ollama.Client, seconds: float) -> None:
    """Waits until the server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            client.list()
            return
        except (ConnectionError, ollama.ResponseError) as error:
            if time.monotonic() > end:
                sys.exit(f"create_model: no server answered within {seconds:.0f} s: {error}")
            time.sleep(0.3)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:{{ port }}")
    client = ollama.Client(host=parser.parse_args().url)
    wait_for(client, 120)
    if MODEL in [entry.model for entry in client.list().models]:
        print(f"create_model: {MODEL} stands already")
        return
    gguf = FOLDER / "{{ model_file }}"
    digest = client.create_blob(gguf)
    if digest != DIGEST:
        sys.exit(f"create_model: expected {DIGEST} in {gguf.name}, got {digest}; fetch the bundle again")
    client.create(model=MODEL, files={gguf.name: digest}, **read_modelfile((FOLDER / "Modelfile").read_text(encoding="utf-8")))
    print(f"create_model: {MODEL} created")


if __name__ == "__main__":
    main()
