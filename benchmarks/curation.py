"""Records a second and peak memory of curation against the same rules through `datasets.map`, on all cores, at growing sizes.

`python benchmarks/curation.py [RECORDS ...]` (default 10000 100000; a million takes some ten minutes); each side runs in a
process of its own, writes the kept and the rejected records, and must keep the same ones. Memory is that of the whole
process tree (proportional set size), sampled five times a second.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from zlib import crc32

import psutil

from llmops_assets.curation.cleaning import (
    Rules,
    chat_token,
    language_problem,
    length_problem,
    normalise,
    quality,
    schema_problem,
)
from llmops_assets.curation.deduplication import PERMUTATIONS, SHINGLE
from llmops_assets.curation.planted import injected, mixed_script
from llmops_assets.curation.records import Record
from llmops_assets.curation.redaction import redact
from llmops_assets.curation.stage import make_curated_conversations
from llmops_assets.machine import usable_cores
from llmops_assets.pipeline.data import TokenCounter
from llmops_assets.project import find_project
from llmops_assets.recipes.data import DataConfig
from llmops_assets.storage.atomic import read_json, sha256_json, write_jsonl
from llmops_assets.training.base_model import resolve_base

CONFIG = DataConfig()
TITLES = Path(__file__).parents[1] / "data" / "raw" / "TaskMaster" / "parts" / "titles.jsonl"


def synthetic(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Requests of words from real titles: 5% copies, 1% each with a secret, of another language, and too long."""
    rng = random.Random(seed)
    words = sorted({word for line in TITLES.read_text().splitlines() for word in json.loads(line)["text"].split()})
    rows: list[dict[str, Any]] = []
    for number in range(count):
        dice = rng.random()
        title = " ".join(rng.choices(words, k=rng.randint(4, 12)))
        if dice < 0.05 and rows:
            rows.append({**rng.choice(rows[-5000:]), "id": f"r{number}"})
            continue
        if dice < 0.06:
            asked = f"remind me to mail {title[:5]}@example.com about {title}"
        elif dice < 0.07:
            asked = f"erinnere mich bitte morgen daran, dass ich mit meiner Schwester wegen {words[number % 900]} sprechen muss"
        elif dice < 0.08:
            asked = f"{title} " * 30
        else:
            asked = f"remind me to {title} on friday"
        answer = json.dumps({"action": "create", "title": title})
        rows.append({"id": f"r{number}", "prompt": asked, "completion": answer})
    return rows


def ours(raw: Path, work: Path, counter: TokenCounter) -> list[str]:
    make_curated_conversations(work, raw_files=[raw], rules=Rules(CONFIG, counter, ""), product="synthetic", report=say)
    with (work / "conversations.jsonl").open() as file:
        return [json.loads(line)["id"] for line in file]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def plain(raw: Path, work: Path, counter: TokenCounter) -> list[str]:
    """As it is usually written: load, map, filter, a loop over datasketch's index, and to_json."""
    import datasets
    from datasketch import MinHashLSH

    datasets.disable_progress_bars()
    table = datasets.load_dataset("json", data_files=str(raw), split="train", cache_dir=str(work / "cache"))
    table = table.map(
        examined_row, num_proc=usable_cores(), fn_kwargs={"file": counter.file}, remove_columns=table.column_names
    )
    index, exact, answers, kept = MinHashLSH(threshold=0.9, num_perm=PERMUTATIONS), set(), {}, []
    for place, row in enumerate(table):
        if row["rule"]:
            continue
        if row["exact"] in exact or twin(index, row, answers) or row["quality"] < CONFIG.cleaning.minimum_quality:
            continue
        exact.add(row["exact"])
        index.insert(row["id"], sketch_of(row["sketch"]))
        answers[row["id"]] = row["answer"]
        kept.append(place)
    table.select(kept).to_json(work / "kept.jsonl")
    gone = set(range(len(table))) - set(kept)
    table.select(sorted(gone)).to_json(work / "rejected.jsonl")
    return [str(name) for name in table.select(kept)["id"]]


def twin(index: Any, row: dict[str, Any], answers: dict[str, str]) -> bool:
    return any(answers[name] == row["answer"] for name in index.query(sketch_of(row["sketch"])))


def sketch_of(values: list[int]) -> Any:
    import numpy as np
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, hashvalues=np.array(values, dtype=np.uint64), scheme="affine32")


def examined_row(row: dict[str, Any], file: str) -> dict[str, Any]:
    from datasketch import MinHash

    turns = ({"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]})
    record = Record(row["id"], turns, "synthetic", "MIT", row["id"], "other", composed=False)
    record = record.with_texts([normalise(text) for text in record.texts])
    problems = {
        "schema": schema_problem(record.messages),
        "language": language_problem(record, CONFIG),
        "length": length_problem(record, CONFIG, TokenCounter(file)),
        "mixed_script": mixed_script(record.texts),
        "chat_token": chat_token(record),
        "injection": injected(record, ""),
    }
    rule = next((name for name, reason in problems.items() if reason), "")
    record = record.with_texts(redact(record.texts).texts)
    asked, answer = record.texts
    text = " ".join(asked.casefold().split())
    sketch = MinHash(num_perm=PERMUTATIONS, hashfunc=crc32, scheme="affine32")
    sketch.update_batch({text[at : at + SHINGLE].encode() for at in range(max(1, len(text) - SHINGLE + 1))})
    exact = sha256_json([text, " ".join(answer.casefold().split())])
    return {
        "id": record.id, "messages": list(record.messages), "answer": answer, "rule": rule, "exact": exact,
        "reason": problems.get(rule, ""), "sketch": sketch.hashvalues.tolist(), "quality": quality(record),
    }  # fmt: skip


SIDES = {"curation": ours, "datasets.map": plain}


def measure(side: str, raw: Path) -> dict[str, Any]:
    """Seconds, peak memory in MiB, and the digest of what was kept."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, __file__, "--side", side, "--raw", str(raw), "--out", str(out)]
        child, peak = psutil.Popen(command), 0
        while child.poll() is None:
            peak = max(peak, tree_memory(child))
            time.sleep(0.2)
        if child.returncode:
            raise SystemExit(f"expected {side} to finish, got exit code {child.returncode}; see above")
        return {**read_json(out), "peak_mib": peak / 2**20}


def tree_memory(root: psutil.Process) -> int:
    total = 0
    for process in (root, *root.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def run_side(side: str, raw: Path, out: Path) -> None:
    file = resolve_base("smollm2-135m", find_project().home / "cache").folder / "tokenizer.json"
    counter = TokenCounter(str(file))
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        kept = SIDES[side](raw, Path(folder), counter)
        seconds = time.monotonic() - started
    out.write_text(json.dumps({"seconds": seconds, "kept": len(kept), "digest": sha256_json(sorted(kept))}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.side:
        run_side(given.side, given.raw, given.out)
        return
    print(f"{'records':>9}  {'way':<12} {'seconds':>8} {'records/s':>10} {'peak MiB':>9} {'kept':>8}")
    for count in given.records:
        with tempfile.TemporaryDirectory() as folder:
            raw = write_jsonl(Path(folder) / "raw.jsonl", synthetic(count))
            found = {side: measure(side, raw) for side in SIDES}
        for side, row in found.items():
            speed = count / row["seconds"]
            print(
                f"{count:>9}  {side:<12} {row['seconds']:>8.1f} {speed:>10.0f} {row['peak_mib']:>9.0f} {row['kept']:>8}"
            )
        one, other = found["curation"], found["datasets.map"]
        time_ratio, memory_ratio = (other[name] / one[name] for name in ("seconds", "peak_mib"))
        same = "the same records kept" if one["digest"] == other["digest"] else "DIFFERENT RECORDS KEPT"
        print(f"{count:>9}  ratio {time_ratio:.2f} in time, {memory_ratio:.2f} in memory; {same}")


if __name__ == "__main__":
    main()
