"""The dataset card: what the data are, where they come from, under which licences, and what cleaning took away."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from llmops_assets.curation.records import Record


def sources_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row a source: name, licence, url, rows."""
    counts = Counter((record.source, record.license) for record in records)
    return [
        {"name": name, "license": licence, "url": "", "rows": rows} for (name, licence), rows in sorted(counts.items())
    ]


def dataset_card(product: str, splits: Mapping[str, Sequence[Record]], digests: Mapping[str, str], seed: int) -> str:
    """The card as markdown; the same data give the same bytes."""
    records = [record for rows in splits.values() for record in rows]
    lines = [
        f"# Training data of {product}",
        "",
        f"{len(records)} conversations, {sum(record.composed for record in records)} of them composed from parts. Seed {seed}.",
        "",
        "| split | conversations | sha256 |",
        "|---|---|---|",
        *(f"| {name} | {len(rows)} | `{digests[name]}` |" for name, rows in splits.items()),
        "",
        "| category | conversations |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sorted(Counter(record.category for record in records).items())),
        "",
        "| source | licence | conversations |",
        "|---|---|---|",
        *(f"| {row['name']} | {row['license']} | {row['rows']} |" for row in sources_of(records)),
    ]
    return "\n".join(lines) + "\n"
