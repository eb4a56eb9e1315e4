from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llmops_assets.errors import ExportError
from llmops_assets.export.ladder import Choice, Ladder
from llmops_assets.export.quantization import QuantisedFile

PROMPTS = [[{"role": "user", "content": str(number)}] for number in range(48)]
BETTER = {"Q4_K_M": 40, "Q5_K_M": 20, "Q6_K": 2, "Q8_0": 1, "f16": 0}


@dataclass
class Bench:
    """Files that give another answer to the first so many prompts, spread as asked."""

    folder: Path
    misses: dict[str, int]
    layouts: dict[str, str] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def make(self, name: str) -> QuantisedFile:
        path = self.folder / f"{name}.gguf"
        path.write_bytes(name.encode())
        return QuantisedFile(path, name, len(name), 10, 3, self.layouts.get(name, name), 0.5)

    def answer(self, path: Path, prompts: list[list[dict[str, str]]]) -> list[str]:
        name = path.stem
        self.asked[name] = self.asked.get(name, 0) + len(prompts)
        numbers = [int(messages[0]["content"]) for messages in prompts]
        return [f"{number} of {name}" if number < self.misses[name] else str(number) for number in numbers]

    def climb(self, wanted: str = "auto", tolerance: float = 0.97) -> Choice:
        f16 = self.folder / "f16.gguf"
        f16.write_bytes(b"f16")
        lines: list[str] = []
        return Ladder(f16, PROMPTS, tolerance, self.make, self.answer, lines.append).climb(wanted)


@pytest.mark.parametrize(
    ("tolerance", "chosen", "agreement"),
    [
        (0.1, "Q4_K_M", 8 / 48),
        (0.5, "Q5_K_M", 28 / 48),
        (0.95, "Q6_K", 46 / 48),
        (0.97, "Q8_0", 47 / 48),
        (1.0, "F16", 1.0),
    ],
)
def test_auto_takes_the_smallest_file_that_agrees(
    tmp_path: Path, tolerance: float, chosen: str, agreement: float
) -> None:
    found = Bench(tmp_path, BETTER).climb(tolerance=tolerance)
    assert (found.rung.quantization, found.rung.chosen) == (chosen, True)
    assert found.rung.agreement == pytest.approx(agreement, abs=1e-6)
    assert found.path.stem == chosen.replace("F16", "f16")
    assert {path.stem for path in tmp_path.iterdir()} == {"f16", found.path.stem}


def test_a_rung_that_cannot_reach_the_tolerance_is_asked_no_further(tmp_path: Path) -> None:
    bench = Bench(tmp_path, BETTER)
    bench.climb()
    assert bench.asked == {"f16": 48, "Q4_K_M": 16, "Q5_K_M": 16, "Q6_K": 16, "Q8_0": 48}


def test_every_rung_tells_why_it_was_left(tmp_path: Path) -> None:
    rungs = {rung.quantization: rung for rung in Bench(tmp_path, BETTER).climb().rungs}
    assert rungs["Q6_K"].reason == "2 of 16 answers differ from F16's; 0.97 of 48 must agree"
    assert rungs["Q8_0"].reason == "47 of 48 answers are F16's, the tolerance is 0.97"
    assert rungs["Q6_K"].to_json()["fallbacks"] == 3


def test_the_same_weights_are_not_asked_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {**BETTER, "Q6_K": 5, "Q8_0": 5}, layouts={"Q6_K": "same", "Q8_0": "same"})
    found = bench.climb()
    assert "Q8_0" not in bench.asked
    assert [rung.agreement for rung in found.rungs][-2:] == [None, 1.0]
    assert found.rung.quantization == "F16"


@pytest.mark.parametrize(("wanted", "agreement"), [("Q4_K_M", 8 / 48), ("Q8_0", 47 / 48), ("F16", 1.0)])
def test_a_fixed_quantisation_is_taken_and_measured_on_all_prompts(
    tmp_path: Path, wanted: str, agreement: float
) -> None:
    found = Bench(tmp_path, BETTER).climb(wanted)
    assert [rung.quantization for rung in found.rungs] == [wanted]
    assert (found.rung.asked, found.rung.chosen) == (48, True)
    assert found.rung.agreement == pytest.approx(agreement, abs=1e-6)


def test_no_prompts_is_an_error(tmp_path: Path) -> None:
    bench = Bench(tmp_path, BETTER)
    with pytest.raises(ExportError, match="expected prompts"):
        Ladder(tmp_path / "f16.gguf", [], 0.9, bench.make, bench.answer, str).climb("auto")


def test_a_lost_answer_is_an_error_and_no_disagreement(tmp_path: Path) -> None:
    bench = Bench(tmp_path, BETTER)
    ladder = Ladder(tmp_path / "f16.gguf", PROMPTS, 0.9, bench.make, lambda path, prompts: ["only one"], str)
    with pytest.raises(ExportError, match=r"expected 48 answers of f16\.gguf, got 1"):
        ladder.climb("auto")
