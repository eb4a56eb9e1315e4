"""The dataset card: what the data are, where they come from, under which licences, and what cleaning took away."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmops_assets.curation.deduplication import exact_key
from llmops_assets.curation.records import Record

EXAMPLE_CHARACTERS = 300


@dataclass
class Tally:
    """Counts of records that pass by one at a time, and of each category the one to show."""

    records: int = 0
    composed: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    examples: dict[str, tuple[int, Record]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Counts one more."""
        self.records += 1
        self.composed += record.composed
        self.categories[record.category] += 1
        self.sources[record.source, record.license] += 1
        self.lengths[sum(map(len, record.texts))] += 1
        chosen = (exact_key(record), record)
        self.examples[record.category] = min(self.examples.get(record.category, chosen), chosen, key=lambda one: one[0])

    @property
    def source_rows(self) -> list[dict[str, Any]]:
        """One row a source: name, licence, url, rows."""
        return [
            {"name": name, "license": licence, "url": "", "rows": rows}
            for (name, licence), rows in sorted(self.sources.items())
        ]

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        examples = other.examples | self.examples
        return Tally(
            self.records + other.records,
            self.composed + other.composed,
            self.categories + other.categories,
            self.sources + other.sources,
            self.lengths + other.lengths,
            examples,
        )


def dataset_card(
    product: str,
    splits: Mapping[str, Tally],
    digests: Mapping[str, str],
    *,
    repeating: int,
    minima: Mapping[str, int],
    seed: int,
) -> str:
    """The card as markdown; the same data give the same bytes.

    Args:
        product: as sold.
        splits: what is in each.
        digests: SHA-256 of each split's file.
        repeating: records left out because they repeat an evaluation case.
        minima: least records a category.
        seed: of what is composed and paired.
    """
    both = sum(splits.values(), Tally())
    lines = [
        f"# Training data of {product}",
        "",
        f"{both.records} conversations, {both.composed} of them composed from parts. Seed {seed}.",
        "",
        *_table(
            ("split", "conversations", "sha256"),
            [(name, split.records, f"`{digests[name]}`") for name, split in splits.items()],
        ),
        f"{repeating} records were left out because they repeat an evaluation case.",
        "",
        "## Categories",
        "",
        *_table(
            ("category", "conversations", "at least"),
            [(name, count, minima.get(name, "")) for name, count in sorted(both.categories.items())],
        ),
        "## Sources",
        "",
        *_table(
            ("source", "licence", "conversations"),
            [(row["name"], row["license"], row["rows"]) for row in both.source_rows],
        ),
        "## One of each category",
        "",
    ]
    for name, (_, record) in sorted(both.examples.items()):
        lines += [f"**{name}** ({record.source})", "", "```"]
        lines += [f"{turn['role']}: {_short(str(turn.get('content') or ''))}" for turn in record.messages]
        lines += ["```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def funnel_card(product: str, funnel: Mapping[str, int], tally: Tally) -> str:
    """What each cleaning rule took away, as markdown."""
    lines = [
        f"# Records of {product}, cleaned",
        "",
        *_table(("step", "records"), [(name.replace("_", " "), count) for name, count in funnel.items()]),
        *_table(
            ("source", "licence", "kept"), [(row["name"], row["license"], row["rows"]) for row in tally.source_rows]
        ),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    cells = [head, ("---",) * len(head), *rows]
    return [*("| " + " | ".join(map(str, row)) + " |" for row in cells), ""]


def _short(text: str) -> str:
    text = text.replace("```", "'''")
    return text if len(text) <= EXAMPLE_CHARACTERS else f"{text[:EXAMPLE_CHARACTERS]} [...]"
