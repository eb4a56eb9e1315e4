"""The quantisation ladder: the smallest file that still answers as F16 does.

Agreement is the share of prompts whose greedy answer is the same text, asked of the file itself; nothing cheaper decides.
What is left out is only what cannot change the outcome: a file whose tensors all have the types of one that was asked already
is the same weights, and a rung that missed too often in its first prompts cannot reach the tolerance with the rest (so
a poor rung costs a third of a good one). A teacher-forced filter was left out: it would need a second engine to be trusted, and
a greedy answer differs from its first differing token on, which the first prompts show as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llmops_assets.errors import ExportError
from llmops_assets.export.quantization import QuantisedFile

LADDER = ("Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16")
AUTO = "auto"
FIRST = 16
Prompts = Sequence[list[dict[str, str]]]
Answer = Callable[[Path, list[list[dict[str, str]]]], list[str]]


@dataclass(frozen=True)
class Rung:
    """One file that was tried.

    Attributes:
        quantization: its name.
        size_bytes: of the file.
        matrices: tensors that can be quantised.
        fallbacks: how many of them llama.cpp stored in another type.
        agreement: share of the asked prompts that got F16's answer; None where nothing was asked.
        asked: how many prompts were asked.
        seconds: making the file and reading it back.
        chosen: whether it ships.
        reason: why, or why not.
    """

    quantization: str
    size_bytes: int
    matrices: int
    fallbacks: int
    agreement: float | None
    asked: int
    seconds: float
    chosen: bool
    reason: str

    def to_json(self) -> dict[str, Any]:
        """For the metadata."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """The file that ships, every rung that was tried on the way, and F16's answers."""

    path: Path
    rungs: tuple[Rung, ...]
    reference: tuple[str, ...]

    @property
    def rung(self) -> Rung:
        """The rung of the file that ships."""
        return self.rungs[-1]


@dataclass(frozen=True)
class Ladder:
    """What the rungs have in common.

    Attributes:
        f16: the file that all are made from and compared with.
        prompts: conversations that end with the user's turn.
        tolerance: the least share of F16's answers.
        make: quantises to a name.
        answer: greedy answers of a file, in the order of the prompts.
        log: called with one line a rung.
    """

    f16: Path
    prompts: Prompts
    tolerance: float
    make: Callable[[str], QuantisedFile]
    answer: Answer
    log: Callable[[str], None]

    def climb(self, wanted: str) -> Choice:
        """Tries rungs from small to large and takes the first that agrees; a fixed one is measured and taken.

        Raises:
            ExportError: there are no prompts, or an answer is missing.
        """
        if not self.prompts:
            raise ExportError("expected prompts to compare the quantised file on, got none; add validation rows")
        reference = self._ask(self.f16, self.prompts)
        rungs: list[Rung] = []
        layouts: dict[str, str] = {}
        for name in LADDER if wanted == AUTO else (wanted,):
            if name == "F16":
                return Choice(self.f16, (*rungs, self._told(self._f16(wanted))), tuple(reference))
            file = self.make(name)
            rung = self._told(self._judge(file, reference, layouts.get(file.layout), fixed=wanted != AUTO))
            layouts.setdefault(file.layout, name)
            rungs.append(rung)
            if rung.chosen:
                return Choice(file.path, tuple(rungs), tuple(reference))
            file.path.unlink(missing_ok=True)
        raise ExportError(f"expected one of {', '.join((AUTO, *LADDER))}, got {wanted}; correct quantization")

    def _judge(self, file: QuantisedFile, reference: list[str], twin: str | None, *, fixed: bool) -> Rung:
        total = len(self.prompts)
        if twin is not None:
            return _rung(file, None, 0, False, f"the same weights as {twin}, which was not good enough")
        asked = agreed = 0
        for part in (slice(0, total),) if fixed else (slice(0, FIRST), slice(FIRST, total)):
            answers = self._ask(file.path, self.prompts[part])
            asked += len(answers)
            agreed += sum(said == meant for said, meant in zip(answers, reference[part], strict=True))
            if not fixed and (total - (asked - agreed)) / total < self.tolerance:
                reason = (
                    f"{asked - agreed} of {asked} answers differ from F16's; {self.tolerance:g} of {total} must agree"
                )
                return _rung(file, agreed / asked, asked, False, reason)
        reason = f"{agreed} of {asked} answers are F16's, the tolerance is {self.tolerance:g}"
        return _rung(file, agreed / asked, asked, True, f"fixed by the recipe; {reason}" if fixed else reason)

    def _f16(self, wanted: str) -> Rung:
        reason = "nothing smaller agreed" if wanted == AUTO else "fixed by the recipe"
        return Rung("F16", self.f16.stat().st_size, 0, 0, 1.0, len(self.prompts), 0.0, True, reason)

    def _ask(self, path: Path, prompts: Prompts) -> list[str]:
        answers = self.answer(path, list(prompts)) if prompts else []
        if len(answers) != len(prompts):
            raise ExportError(
                f"expected {len(prompts)} answers of {path.name}, got {len(answers)}; run gguf_model again"
            )
        return answers

    def _told(self, rung: Rung) -> Rung:
        size = f"{rung.size_bytes / 1e6:.0f} MB, {rung.fallbacks} of {rung.matrices} matrices in another type"
        self.log(f"{rung.quantization}: {size}; {'chosen' if rung.chosen else 'left'}: {rung.reason}")
        return rung


def _rung(file: QuantisedFile, agreement: float | None, asked: int, chosen: bool, reason: str) -> Rung:
    measured = None if agreement is None else round(agreement, 6)
    counts = (file.size_bytes, file.matrices, file.fallbacks)
    return Rung(file.quantization, *counts, measured, asked, file.seconds, chosen, reason)
