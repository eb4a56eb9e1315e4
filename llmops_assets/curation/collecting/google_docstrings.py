"""Functions of real packages with the docstring their authors wrote, in DocWriter's short form.

One record: {"id": "doc-9a...", "messages": [{user: "def ..."}, {assistant: "Return ..."}], ...}.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_assets.curation.collecting.carriers import Carrier, Progress, unpacked
from llmops_assets.curation.collecting.code_packages import DOCUMENT_EVAL, DOCUMENT_TRAIN, FOLDERS
from llmops_assets.curation.collecting.functions import SourceFunction, codes_in, functions_in
from llmops_assets.storage.atomic import sha256_bytes
from llmops_assets.tasks import docstring as task
from llmops_assets.tasks.docstring_words import grounded

MAX_CHARACTERS, MAX_WORDS, MIN_LINES, PER_MODULE = 700, 16, 2, 14
TRAIN_RECORDS, EVAL_CASES = 3200, 520
SHARE_OF_PLAIN = 0.24
HEAD = re.compile(
    r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Example|Examples|Note|Notes|Usage|References|Warning):\s*$"
)
ENTRY = re.compile(r"^\*{0,2}(\w+)(?: ?\([^)]*\))?: *(.*)$")
MARKUP = re.compile(r":\w+:`~?([^`]+)`|`+([^`]+)`+|\*\*([^*]+)\*\*|\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
UNPLAIN = re.compile(r"[`<>{}]|https?:|>>>|\.\.|\be\.g|\bi\.e|\betc\b")
MIN_GROUNDED = 0.5


@dataclass(frozen=True)
class Documented:
    """A function with its shortened docstring, and which carrier it came from."""

    function: SourceFunction
    text: str
    carrier: Carrier


def shorten(docstring: str) -> task.Docstring | None:
    """A person's docstring in the product's form: first sentences, no types, no markup; or None."""
    sections = _sections(docstring)
    summary = _sentence(sections["Summary"])
    if summary is None or len(summary) > task.MAX_SUMMARY:
        return None
    args = _entries(sections.get("Args", []))
    raises = _entries(sections.get("Raises", []))
    returns = _text(sections.get("Returns", []))
    yields = _text(sections.get("Yields", []))
    if args is None or raises is None or returns is None or yields is None:
        return None
    return task.Docstring(summary, args, returns, yields, raises)


def _sections(docstring: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"Summary": []}
    names = {"Arguments": "Args", "Parameters": "Args", "Return": "Returns", "Yield": "Yields"}
    current = "Summary"
    for line in docstring.splitlines():
        head = HEAD.match(line)
        if head:
            current = names.get(head.group(1), head.group(1))
            found.setdefault(current, [])
        elif current == "Summary" and not line.strip() and found["Summary"]:
            current = "More"
            found.setdefault(current, [])
        else:
            found[current].append(line)
    return found


def _sentence(lines: Sequence[str]) -> str | None:
    """The first sentence of some lines with a full stop; None where it is too long, empty or not plain."""
    text = " ".join(" ".join(lines).split())
    text = MARKUP.sub(lambda match: next(group for group in match.groups() if group), text)
    text = re.split(r"(?<=[a-z0-9)])\.(?:\s|$)(?!g\.)", text)[0].strip(" .;,:")
    plain = text.isascii() and text.isprintable() and not UNPLAIN.search(text) and text.count("(") == text.count(")")
    if not text or len(text.split()) > MAX_WORDS or not plain:
        return None
    return f"{text[0].upper()}{text[1:]}."


def _entries(lines: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    kept = [line for line in lines if line.strip()]
    if not kept:
        return ()
    indent = min(len(line) - len(line.lstrip()) for line in kept)
    found: list[tuple[str, list[str]]] = []
    for line in kept:
        starts = len(line) - len(line.lstrip()) == indent
        match = ENTRY.match(line.strip()) if starts else None
        if (starts and match is None) or (not starts and not found):
            return None
        if match:
            found.append((match.group(1), [match.group(2)]))
        else:
            found[-1][1].append(line)
    said = [(name, _sentence(text)) for name, text in found]
    return None if any(text is None for _, text in said) else tuple((name, text) for name, text in said if text)


def _text(lines: Sequence[str]) -> str | None:
    kept = [line.strip() for line in lines if line.strip()]
    if not kept:
        return ""
    kept[0] = re.sub(r"^[\w\[\], .|]+: +(?=[A-Z])|^\([^)]*\):? +", "", kept[0])
    return _sentence(kept)


def documented(function: SourceFunction, carrier: Carrier) -> Documented | None:
    """The record's content, where the shortened docstring is complete and true to the code."""
    if (
        not MIN_LINES <= function.lines <= task.MAX_LINES
        or len(function.code) > MAX_CHARACTERS
        or not function.docstring
    ):
        return None
    if function.name.startswith("__") or "overload" in function.code:
        return None
    short = shorten(function.docstring)
    if short is None or grounded(short.summary, function.code) < MIN_GROUNDED:
        return None
    if any(len(said.split()) < 2 for said in (short.returns, short.yields) if said):
        return None
    text = task.to_text(short)
    score = task.score_accuracy(text, function.code)
    return Documented(function, text, carrier) if score.value == 1.0 else None


def choose(pool: Sequence[Documented], count: int) -> list[Documented]:
    """A choice by contents only: each text once, few of a module, few without sections, packages in turn."""
    ordered = sorted(pool, key=lambda one: sha256_bytes(one.function.code.encode()))
    seen: set[str] = set()
    modules: Counter[str] = Counter()
    packages: dict[str, list[Documented]] = {}
    plain = 0
    for one in ordered:
        short = "\n" not in one.text
        spent = (
            one.text in seen
            or modules[one.function.module] >= PER_MODULE
            or (short and plain >= SHARE_OF_PLAIN * count)
        )
        if spent:
            continue
        seen.add(one.text)
        modules[one.function.module] += 1
        plain += short
        packages.setdefault(one.carrier.name, []).append(one)
    return _in_turn(list(packages.values()), count)


def _in_turn(queues: list[list[Documented]], count: int) -> list[Documented]:
    chosen: list[Documented] = []
    for position in range(max((len(queue) for queue in queues), default=0)):
        chosen += [queue[position] for queue in queues if position < len(queue)]
    return sorted(chosen[:count], key=lambda one: sha256_bytes(one.function.code.encode()))


def pool_of(carriers: Iterable[Carrier], cache: Path, progress: Progress) -> list[Documented]:
    """All functions of the packages whose docstring can be used, each code once."""
    found: dict[str, Documented] = {}
    for carrier in carriers:
        folder = unpacked(carrier, cache, progress)
        for function in functions_in(folder, FOLDERS.get(carrier.name, carrier.name)):
            one = documented(function, carrier)
            if one is not None:
                found.setdefault(function.code, one)
        progress(f"{carrier.source}: {len(found)} so far")
    return list(found.values())


def record(one: Documented) -> dict[str, Any]:
    """A training record."""
    request = task.build_prompt(one.function.code)
    messages = [{"role": "user", "content": request}, {"role": "assistant", "content": one.text}]
    return {**_origin(one, request), "messages": messages, "composed": False}


def case(one: Documented) -> dict[str, Any]:
    """An evaluation case."""
    request = task.build_prompt(one.function.code)
    return {**_origin(one, request), "messages": [{"role": "user", "content": request}], "expected": one.text}


def _origin(one: Documented, request: str) -> dict[str, Any]:
    return {
        "id": f"doc-{sha256_bytes(request.encode())[:12]}",
        "source": one.carrier.source,
        "license": one.carrier.license,
        "package": one.carrier.name,
        "group": one.function.group,
        "category": "sections" if "\n" in one.text else "summary",
        "meta": {"function": one.function.name, "shortened": True},
    }


def collect_train(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """Training records."""
    held_out = codes_in(DOCUMENT_EVAL, FOLDERS, cache, progress)
    pool = [one for one in pool_of(DOCUMENT_TRAIN, cache, progress) if one.function.code not in held_out]
    return [record(one) for one in choose(pool, TRAIN_RECORDS)]


def collect_eval(cache: Path, progress: Progress) -> list[dict[str, Any]]:
    """Held-out cases, from packages that no training record comes from."""
    return [case(one) for one in choose(pool_of(DOCUMENT_EVAL, cache, progress), EVAL_CASES)]
