"""What curation left on disk, read back record by record: the numbers that its checks judge come from there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from llmops_assets.curation import redaction
from llmops_assets.curation.cleaning import schema_problem
from llmops_assets.curation.dataset_card import Tally
from llmops_assets.curation.deduplication import Twins, exact_key
from llmops_assets.curation.formats import lines_in
from llmops_assets.curation.records import Record, record_from
from llmops_assets.gates import Metric
from llmops_assets.recipes.data import DataConfig
from llmops_assets.storage.atomic import each_row

CHUNK = 1000


class ReadBack:
    """The kept records one by one; its counts are whole when all have come."""

    def __init__(self, folder: Path, scratch: Path, config: DataConfig) -> None:
        """Nothing read yet.

        Args:
            folder: with conversations.jsonl and quarantine.jsonl.
            scratch: a folder for what must be remembered.
            config: the recipe's `data` section.
        """
        self._folder, self._scratch, self._config = folder, scratch, config
        self._held: Counter[str] = Counter()
        self._unsold: Counter[str] = Counter()
        self.tally = Tally()

    def __iter__(self) -> Iterator[Record]:
        """The kept records."""
        with closing(Twins(self._scratch / "distinct.db")) as distinct:
            keys: dict[int, str] = {}
            for row in each_row(self._folder / "conversations.jsonl"):
                record = record_from(row)
                self._count(record)
                keys[exact_key(record)] = ""
                if len(keys) == CHUNK:
                    distinct.add(keys)
                    keys = {}
                yield record
            distinct.add(keys)
            self._held["distinct"] = len(distinct)

    def _count(self, record: Record) -> None:
        self.tally.add(record)
        self._held.update(
            valid=not schema_problem(record.messages),
            secrets=len(redaction.redact(record.texts, self._config.cleaning.pii_allowed).kinds),
        )
        if record.license not in self._config.licences:
            self._unsold[f"{record.source}: {record.license}"] += 1

    def _sale_problem(self) -> str:
        worst = ", ".join(f"{rows} of {name}" for name, rows in self._unsold.most_common(3))
        return f"{worst}; say each record's `license`, or keep the file out of the raw folder" if worst else ""

    def metrics(self, raw_files: Sequence[Path], product: str) -> dict[str, Metric | float]:
        """What the checks judge; `lost` are lines of the raw files that are neither kept nor in quarantine."""
        held, records = self._held, self.tally.records
        minima = self._config.coverage_minima
        reached = sum(self.tally.categories[name] >= least for name, least in minima.items())
        read = sum(1 for _ in lines_in(raw_files, product))
        return {
            "schema_valid_share": held["valid"] / records,
            "duplicate_share": 1 - held["distinct"] / records,
            "secrets_left": held["secrets"],
            "sellable_share": Metric(1 - self._unsold.total() / records, records, note=self._sale_problem()),
            "coverage": reached / len(minima) if minima else 1.0,
            "written_share": 1 - self.tally.composed / records,
            "lost": read - records - sum(1 for _ in each_row(self._folder / "quarantine.jsonl")),
        }
