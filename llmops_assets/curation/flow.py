"""Lines of raw files through all rules, a thousand at a time: memory stays flat however many there are, large files use every core.

Cost on 2 cores: 0.2 ms a short request (benchmarks/curation.py).
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

from llmops_assets.curation.cleaning import Examined, Rules, examine, settle
from llmops_assets.curation.deduplication import Twins
from llmops_assets.curation.formats import Line, lines_in, record_of
from llmops_assets.curation.records import Record, Rejected
from llmops_assets.machine import usable_cores

CHUNK = 1000
SHARED_FROM = 16 << 20
"""Bytes of raw files from which the start of more processes (some 3 s) is worth it."""
AHEAD = 2
"""Chunks a process may be ahead: more would only fill memory."""
TOLD_EVERY = 50_000

Report = Callable[[str], None]


class Flow:
    """Records as they come out of the rules, and the counts of what happened to them."""

    def __init__(self, files: Sequence[Path], rules: Rules, product: str, scratch: Path, report: Report) -> None:
        """A flow that has not begun.

        Args:
            files: JSONL in any of the known forms.
            rules: what the rules go by.
            product: named where something is wrong.
            scratch: a folder for what the run must remember.
            report: told how far it is, every 50,000 records.
        """
        self._files, self._rules, self._product, self._scratch, self._report = files, rules, product, scratch, report
        self.rejected: Counter[str] = Counter()
        self.redacted: Counter[str] = Counter()
        self.unreadable = self.kept = 0
        self.first: Rejected | None = None

    def __iter__(self) -> Iterator[Record | Rejected]:
        """Every record in exactly one form: kept, or rejected by one rule.

        Raises:
            DataError: there are no files.
        """
        with closing(Twins(self._scratch / "twins.db")) as twins:
            for chunk in self._examined(chunked(lines_in(self._files, self._product))):
                came = [each.keys for each in chunk if isinstance(each, Examined)]
                known = twins.known(came)
                before = set(known)
                for each in settle(chunk, known, self._rules.config):
                    yield self._counted(each)
                twins.add({key: name for key, name in known.items() if key not in before})

    def _counted(self, each: Examined | Rejected) -> Record | Rejected:
        seen = self.kept + self.quarantined + 1
        if seen % TOLD_EVERY == 0:
            self._report(f"{seen} records of {self._product} looked at, {self.kept} kept")
        if isinstance(each, Rejected):
            self.first = self.first or each
            if isinstance(each.row, str):
                self.unreadable += 1
            else:
                self.rejected[each.rule] += 1
            return each
        self.kept += 1
        self.redacted.update(each.redacted)
        return each.record

    @property
    def quarantined(self) -> int:
        """Lines and records that were not kept."""
        return self.rejected.total() + self.unreadable

    @property
    def funnel(self) -> dict[str, int]:
        """Lines that could not be read, records that were, those that each rule took away, and what was kept."""
        read = self.kept + self.rejected.total()
        return {"unreadable": self.unreadable, "read": read, **dict(sorted(self.rejected.items())), "kept": self.kept}

    def _examined(self, chunks: Iterable[list[Line]]) -> Iterator[list[Examined | Rejected]]:
        work = partial(examined, rules=self._rules)
        cores = usable_cores()
        if cores == 1 or sum(path.stat().st_size for path in self._files) < SHARED_FROM:
            yield from map(work, chunks)
            return
        # Spawned, not forked: the process that runs a stage has threads.
        with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting: deque[Future[list[Examined | Rejected]]] = deque()
            for chunk in chunks:
                waiting.append(pool.submit(work, chunk))
                if len(waiting) > AHEAD * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def examined(lines: Sequence[Line], rules: Rules) -> list[Examined | Rejected]:
    """What becomes of these lines by the rules that look at one record alone."""
    return examine([record_of(line) for line in lines], rules)


def chunked(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """A thousand at a time."""
    left = iter(lines)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
