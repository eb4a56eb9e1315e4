"""Cases a second of what serves against llama-cpp-python one at a time, on one file: `python benchmarks/engines.py [MODEL]`.

MODEL is a GGUF file, or a model folder that is written as F16. Each variant runs in a process of its own with greedy settings.
They take turns, and every other round asks in reverse: the least seconds count, and an answer that changed is counted too. On a
busy machine CPU seconds tell more than the clock, so both are printed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from quantization_ladder import model_folder, prompts_of

from llmops_assets.export.gguf import write_gguf
from llmops_assets.machine import usable_cores
from llmops_assets.pipeline.export import Prompts, answers_of
from llmops_assets.processes import QUIET
from llmops_assets.serving.chat_template import GO_TEMPLATE, STOPS
from llmops_assets.serving.engine_group import EngineGroup
from llmops_assets.serving.prompting import render_prompt
from llmops_assets.storage.atomic import read_json, write_json

CONTEXT, TOKENS, CALLERS = 1024, 48, 100
THREADS = usable_cores()
Ask = Callable[[Prompts], list[str]]


def by_engine_group(gguf: Path, slots: int) -> Ask:
    engine = EngineGroup(gguf, context=CONTEXT, slots=slots)
    return lambda prompts: answers_of(engine, prompts, TOKENS)


def one_at_a_time(gguf: Path, *, from_the_beginning: bool = False, **options: Any) -> Ask:
    from llama_cpp import Llama

    model = Llama(str(gguf), n_ctx=CONTEXT, verbose=False, **options)

    def answer(messages: list[dict[str, str]]) -> str:
        if from_the_beginning:
            model.reset()
        tokens = model.tokenize(render_prompt(GO_TEMPLATE, messages).encode(), add_bos=False, special=True)
        found: Any = model.create_completion(
            tokens, temperature=0.0, max_tokens=TOKENS, stop=list(STOPS), repeat_penalty=1.0
        )
        return str(found["choices"][0]["text"])

    return lambda prompts: [answer(messages) for messages in prompts]


OURS = "what serves, many callers: a batch a core, close calls once more alone"
ENGINES: dict[str, Callable[[Path], Ask]] = {
    OURS: partial(by_engine_group, slots=CALLERS),
    "what serves, few callers: an engine a core, a prompt each": partial(by_engine_group, slots=THREADS),
    "llama-cpp-python, one at a time, as it comes": one_at_a_time,
    "llama-cpp-python, one at a time, flash attention as in what serves": partial(one_at_a_time, flash_attn=True),
    "the same, and each prompt from its beginning, not from where the one before was alike": partial(
        one_at_a_time, flash_attn=True, from_the_beginning=True
    ),
    "llama-cpp-python, one at a time, all threads": partial(one_at_a_time, n_threads=THREADS, n_threads_batch=THREADS),
    "llama-cpp-python, one at a time, one thread": partial(one_at_a_time, n_threads=1, n_threads_batch=1),
}


@dataclass(frozen=True)
class Round:
    """One go of one variant; `cpu_s` are user and system seconds of all its threads."""

    wall_s: float
    cpu_s: float
    answers: list[str]


def go(engine: str, gguf: Path, prompts: Prompts) -> Round:
    ask = ENGINES[engine](gguf)
    ask(prompts[:1])
    started, before = time.monotonic(), os.times()
    answers = ask(prompts)
    after = os.times()
    cpu = after.user - before.user + after.system - before.system
    return Round(time.monotonic() - started, cpu, answers)


def in_a_child(engine: str, gguf: Path, prompts: Path) -> Round:
    command = [sys.executable, __file__, str(gguf), "--engine", engine, "--prompts-file", str(prompts)]
    done = subprocess.run(command, env={**QUIET, **os.environ}, capture_output=True, text=True, check=True)
    return Round(**json.loads(done.stdout.splitlines()[-1]))


def measure(gguf: Path, prompts: Prompts, rounds: int, folder: Path) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {engine: [] for engine in ENGINES}
    for number in range(rounds):
        step = -1 if number % 2 else 1
        asked = write_json(folder / "prompts.json", prompts[::step])
        for engine, goes in found.items():
            one = in_a_child(engine, gguf, asked)
            goes.append(Round(one.wall_s, one.cpu_s, one.answers[::step]))
    return found


def show(found: dict[str, list[Round]], count: int) -> None:
    ours = found[OURS]
    wall, cpu = (min(getattr(one, name) for one in ours) for name in ("wall_s", "cpu_s"))
    for engine, goes in found.items():
        best, least = min(one.wall_s for one in goes), min(one.cpu_s for one in goes)
        same = sum(left == right for left, right in zip(ours[0].answers, goes[0].answers, strict=True))
        changed = sum(len(set(answers)) > 1 for answers in zip(*(one.answers for one in goes), strict=True))
        print(
            f"{engine}: {count / best:.2f} cases/s (what serves is {best / wall:.2f} times as fast), "
            f"{1000 * least / count:.0f} ms of CPU a case ({least / cpu:.2f}), {same} of {count} answers are the same, "
            f"{changed} changed between rounds"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--prompts-file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        print(json.dumps(vars(go(options.engine, options.model, read_json(options.prompts_file)))))
        return
    print(f"{THREADS} cores, load {os.getloadavg()[0]:.1f}, {options.prompts} prompts, best of {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as name:
        folder, gguf = Path(name), options.model
        if gguf is None or gguf.is_dir():
            gguf = folder / "F16.gguf"
            write_gguf(model_folder(options.model), gguf, "benchmark")
        found = measure(gguf, prompts_of("TaskMaster", options.prompts), options.rounds, folder)
    show(found, options.prompts)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
