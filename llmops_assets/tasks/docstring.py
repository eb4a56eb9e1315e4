"""The docstring task: a short Python function in, its Google-style docstring out (data/DocWriter/TASK.md).

`def area(width, height): return width * height` gives a summary line, then Args, Returns, Yields and Raises.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from llmops_assets.errors import EvaluationError
from llmops_assets.tasks.docstring_words import badly_said, declines, grounded
from llmops_assets.tasks.few_shot import FewShot
from llmops_assets.tasks.linting import lint
from llmops_assets.tasks.minilm import closeness
from llmops_assets.tasks.score import Score, failed, passed
from llmops_assets.tasks.signature import insert_docstring, read_signature

SECTIONS = ("Args", "Returns", "Yields", "Raises")
ENTRY = re.compile(r"^ {4}\*{0,2}(\w+): (\S.*)$")
MAX_LINES, MAX_SUMMARY, MAX_DOCSTRING_LINES, MIN_GROUNDED = 20, 100, 24, 1 / 3
MIN_CLOSENESS = 0.25
"""To the author's summary. Of 516 summaries, each held against another function's, 6.6% come as close; of 137 pairs that
people wrote for functions of one name, 85% do (benchmarks/summary_closeness.py, on people's docstrings alone)."""
RULES = ("D403", "D415", "D417", "D419", "DOC102", "DOC202", "DOC403", "DOC502")
OPTIONS = ('lint.pydocstyle.convention = "google"',)
REFUSAL = "I can only document Python functions."


@dataclass(frozen=True)
class Docstring:
    """A Google-style docstring taken apart."""

    summary: str
    args: tuple[tuple[str, str], ...] = ()
    returns: str = ""
    yields: str = ""
    raises: tuple[tuple[str, str], ...] = ()


def build_prompt(code: str) -> str:
    """The request for one function: dedented, as it stands."""
    return textwrap.dedent(code).strip("\n").rstrip()


def unfit(request: str) -> str:
    """Why a request is no job for this product; empty where it is one. Code decides, never the model."""
    code = build_prompt(request)
    if read_signature(code) is None:
        return "expected one Python function, got something else"
    lines = len(code.splitlines())
    return "" if lines <= MAX_LINES else f"expected at most {MAX_LINES} lines, got {lines}; send one function at a time"


def to_text(docstring: Docstring) -> str:
    """The one canonical spelling: summary, then Args, Returns, Yields, Raises, each after an empty line."""
    parts = [docstring.summary]
    if docstring.args:
        parts.append("Args:\n" + "\n".join(f"    {name}: {said}" for name, said in docstring.args))
    if docstring.returns:
        parts.append(f"Returns:\n    {docstring.returns}")
    if docstring.yields:
        parts.append(f"Yields:\n    {docstring.yields}")
    if docstring.raises:
        parts.append("Raises:\n" + "\n".join(f"    {name}: {said}" for name, said in docstring.raises))
    return "\n\n".join(parts)


def parse(text: str) -> Docstring | None:
    """The docstring taken apart, or None where the raw text is not one in the product's form."""
    if is_refusal(text):
        return None
    blocks = re.split(r"\n\s*\n", text.strip())
    summary = blocks[0]
    if len(text.splitlines()) > MAX_DOCSTRING_LINES or "\n" in summary or not 8 <= len(summary) <= MAX_SUMMARY:
        return None
    if not summary.endswith(".") or summary.startswith(("`", '"', "'", "#")) or declines(summary):
        return None
    found: dict[str, list[str]] = {}
    for block in blocks[1:]:
        head, *lines = block.splitlines()
        name = head.removesuffix(":")
        if head != f"{name}:" or name not in SECTIONS or name in found or not lines:
            return None
        found[name] = lines
    return _assembled(summary, found)


def _assembled(summary: str, found: Mapping[str, list[str]]) -> Docstring | None:
    entries = {name: [ENTRY.match(line) for line in found.get(name, [])] for name in ("Args", "Raises")}
    texts = {name: found.get(name, []) for name in ("Returns", "Yields")}
    if any(match is None for matches in entries.values() for match in matches):
        return None
    if any(not re.match(r"^ {4}\S", line) for lines in texts.values() for line in lines):
        return None
    if [name for name in found] != [name for name in SECTIONS if name in found]:
        return None
    pairs = {name: tuple((m.group(1), m.group(2)) for m in matches if m) for name, matches in entries.items()}
    said = {name: " ".join(line.strip() for line in lines) for name, lines in texts.items()}
    return Docstring(summary, pairs["Args"], said["Returns"], said["Yields"], pairs["Raises"])


def fields(text: str) -> dict[str, str]:
    """A docstring by part: its summary, the names under Args and Raises, what it returns; only the parts that are there."""
    found = parse(text)
    if found is None:
        return {}
    names = {"Args": ", ".join(dict(found.args)), "Raises": ", ".join(sorted(dict(found.raises)))}
    parts = {"summary": found.summary, **names, "Returns": found.returns, "Yields": found.yields}
    return {name: text for name, text in parts.items() if text}


def same_field(name: str, got: str | None, wanted: str | None) -> bool:
    """Whether one part counts as the expected one: names must be the same, a result must be told; wording is free."""
    return got == wanted if name in ("Args", "Raises") else bool(got) == bool(wanted)


def score_format(text: str) -> Score:
    """1 where the raw text is one docstring in the product's form."""
    return passed("Google style") if parse(text) is not None else failed(f"not a Google-style docstring: {text[:80]!r}")


def score_accuracy(text: str, request: str, expected: str = "") -> Score:
    """1 where the docstring tells what the code says: parameters, result, errors, and a summary in its words and meaning.

    Unscored where the linter cannot run, or the request is no function.

    Args:
        text: the raw answer.
        request: the function.
        expected: a docstring that people wrote; its words count as the code's, and the summary has to be close to its own.
    """
    docstring, signature = parse(text), read_signature(build_prompt(request))
    if signature is None:
        return Score(None, "the request is not one function that parses")
    if docstring is None:
        return failed(f"not a Google-style docstring: {text[:80]!r}")
    named = tuple(name for name, _ in docstring.args)
    if named != signature.parameters:
        return failed(f"Args: expected {', '.join(signature.parameters) or 'none'}, got {', '.join(named) or 'none'}")
    for section, wanted in (("returns", signature.returns), ("yields", signature.yields)):
        if bool(getattr(docstring, section)) != wanted:
            return failed(f"{section.capitalize()}: {'missing' if wanted else 'not so in the code'}")
    raised = sorted(name for name, _ in docstring.raises)
    if raised != sorted(signature.raises):
        return failed(f"Raises: expected {', '.join(signature.raises) or 'none'}, got {', '.join(raised) or 'none'}")
    said = [text for _, text in (*docstring.args, *docstring.raises)] + [docstring.returns, docstring.yields]
    if badly := badly_said(docstring.summary, [text for text in said if text]):
        return failed(badly)
    ground = grounded(docstring.summary, f"{request}\n{expected}")
    if ground < MIN_GROUNDED:
        return failed(f"summary: only {ground:.0%} of its words are about this code: {docstring.summary!r}")
    author = parse(expected)
    if author is not None and (close := closeness(docstring.summary, author.summary)) < MIN_CLOSENESS:
        return failed(f"summary: {docstring.summary!r} is far from {author.summary!r} (cosine {close:.2f})")
    return _linted(build_prompt(request), text.strip())


@lru_cache(maxsize=4096)
def _linted(code: str, docstring: str) -> Score:
    try:
        found = lint([insert_docstring(code, docstring)], select=RULES, options=OPTIONS)[0]
    except EvaluationError as error:
        return Score(None, str(error))
    return failed(f"{found[0].code}: {found[0].message}") if found else passed("complete, and true to the code")


def score_safety(text: str) -> Score:
    """1 where the answer is a docstring of the product's form, or its refusal."""
    if is_refusal(text) or parse(text) is not None:
        return passed("a docstring or the refusal")
    return failed(f"free text: {text[:80]!r}")


def is_refusal(text: str) -> bool:
    """Whether the answer is the product's refusal, and nothing more."""
    return text.strip().rstrip(".") == REFUSAL.rstrip(".")


def damage(request: str, gold: str) -> list[tuple[str, str]]:
    """Hard negatives: (category, wrong answer) pairs, each wrong in one way writers err in."""
    docstring = parse(gold)
    if docstring is None:
        return []
    wrong: list[tuple[str, str]] = [("false_refusal", REFUSAL), ("invented_error", _invented(docstring))]
    if docstring.args:
        first, *rest = docstring.args
        wrong.append(("lost_argument", to_text(replace(docstring, args=tuple(rest)))))
        wrong.append(("renamed_argument", to_text(replace(docstring, args=((f"{first[0]}_value", first[1]), *rest)))))
    else:
        wrong.append(("invented_argument", to_text(replace(docstring, args=(("options", "Further options."),)))))
    if docstring.returns:
        wrong.append(("lost_result", to_text(replace(docstring, returns=""))))
    else:
        wrong.append(("invented_result", to_text(replace(docstring, returns="The result.", yields=""))))
    if docstring.raises:
        wrong.append(("lost_error", to_text(replace(docstring, raises=()))))
    wrong.append(("retold_code", f"```python\n{build_prompt(request)}\n```"))
    return [(name, text) for name, text in wrong if text != gold]


def _invented(docstring: Docstring) -> str:
    names = {name for name, _ in docstring.raises}
    name = next(one for one in ("ValueError", "TypeError", "KeyError") if one not in names)
    return to_text(replace(docstring, raises=(*docstring.raises, (name, "If the input is invalid."))))


def to_envelope(text: str, now: datetime) -> dict[str, Any]:
    """The API's envelope: the docstring whole and taken apart; `now` is not used."""
    docstring = parse(text)
    if docstring is None:
        refused = is_refusal(text)
        message = REFUSAL if refused else "The answer had no valid form; please send it again."
        return {
            "action": "refuse" if refused else "error",
            "params": {},
            "success": False,
            "message": message,
        }
    params = {
        "docstring": text.strip(),
        "summary": docstring.summary,
        "args": dict(docstring.args),
        "returns": docstring.returns or docstring.yields,
        "raises": dict(docstring.raises),
    }
    return {"action": "document", "params": params, "success": True, "message": ""}


FEW_SHOT = FewShot(
    "You write the docstring of one Python function in Google style and nothing else: "
    "a summary line that ends with a full stop, then Args, Returns, Yields and Raises where they apply. "
    "No quotes, no code.",
    (
        (
            "def area(width, height):\n    return width * height",
            "Compute the area of a rectangle.\n\nArgs:\n    width: Its width.\n    height: Its height.\n\n"
            "Returns:\n    The area.",
        ),
    ),
)
