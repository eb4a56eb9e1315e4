"""Cases a second of the serving engines with eight slots against llama-cpp-python one at a time, on one F16 file.

`python benchmarks/engines.py [MODEL_FOLDER]`; each variant runs in a process of its own, with greedy settings, on all
cores: as an engine a core (what serves), as one engine on all threads, and as llama-cpp-python on all threads and on one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from quantization_ladder import model_folder, prompts_of

from llmops_assets.export.gguf import write_gguf
from llmops_assets.machine import usable_cores
from llmops_assets.pipeline.export import Prompts, answers_of
from llmops_assets.processes import QUIET
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.engine import Engine
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.storage.atomic import read_json, write_json

CONTEXT, TOKENS, SLOTS = 1024, 48, 8
THREADS = usable_cores()


def an_engine_a_core(gguf: Path, prompts: Prompts) -> tuple[float, list[str]]:
    return timed(EngineGroup(gguf, context=CONTEXT, slots=SLOTS), prompts)


def one_engine(gguf: Path, prompts: Prompts) -> tuple[float, list[str]]:
    return timed(Engine(gguf, context=CONTEXT, slots=SLOTS, threads=THREADS), prompts)


def timed(engine: Any, prompts: Prompts) -> tuple[float, list[str]]:
    answers_of(engine, prompts[:1], TOKENS)
    started = time.monotonic()
    answers = answers_of(engine, prompts, TOKENS)
    return time.monotonic() - started, answers


def one_at_a_time(gguf: Path, prompts: Prompts, threads: int = THREADS) -> tuple[float, list[str]]:
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False)

    def answer(messages: list[dict[str, str]]) -> str:
        tokens = model.tokenize(render_prompt(GO_TEMPLATE, messages).encode(), add_bos=False, special=True)
        found: Any = model.create_completion(
            tokens, temperature=0.0, max_tokens=TOKENS, stop=list(STOPS), repeat_penalty=1.0
        )
        return str(found["choices"][0]["text"])

    answer(prompts[0])
    started = time.monotonic()
    answers = [answer(messages) for messages in prompts]
    return time.monotonic() - started, answers


ENGINES = {
    "xllamacpp, 8 slots, an engine a core": an_engine_a_core,
    "xllamacpp, 8 slots, one engine": one_engine,
    "llama-cpp-python, one at a time": one_at_a_time,
    "llama-cpp-python, one at a time, one thread": partial(one_at_a_time, threads=1),
}


def measure(engine: str, gguf: Path, prompts: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--engine", engine, "--gguf", str(gguf), "--prompts-file", str(prompts)]
    done = subprocess.run(command, env={**QUIET, **os.environ}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--gguf", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--prompts-file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        seconds, answers = ENGINES[options.engine](options.gguf, read_json(options.prompts_file))
        print(json.dumps({"seconds": seconds, "answers": answers}))
        return
    with tempfile.TemporaryDirectory() as folder:
        gguf = Path(folder) / "F16.gguf"
        write_gguf(model_folder(options.model), gguf, "benchmark")
        prompts = write_json(Path(folder) / "prompts.json", prompts_of("TaskMaster", options.prompts))
        found = {engine: measure(engine, gguf, prompts) for engine in ENGINES}
    ours = found["xllamacpp, 8 slots, an engine a core"]
    for engine, one in found.items():
        same = sum(left == right for left, right in zip(ours["answers"], one["answers"], strict=True))
        print(
            f"{engine}: {options.prompts / one['seconds']:.2f} cases/s, ratio {one['seconds'] / ours['seconds']:.2f}, "
            f"{same} of {options.prompts} answers are the same"
        )


if __name__ == "__main__":
    main()
