"""The code review task: one numbered Python function in, one JSON line out (data/CodeReviewer/TASK.md).

1: def first(items=[]):            ->  {"findings":[{"line":1,"rule":"mutable default"}]}
2:     return items[0]
"""

import ast
import json
import re
import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from llmops_assets.tasks.answers import strict_value
from llmops_assets.tasks.linting import Finding, lint
from llmops_assets.tasks.review_rules import BY_CODE, BY_NAME, CONFUSED, CUES, RULES
from llmops_assets.tasks.score import Score, failed, passed

Review = dict[str, list[dict[str, Any]]]
"""An answer: {"findings": [{"line": 3, "rule": "zip without strict"}, ...]}, by line and rule."""


MIN_LINES, MAX_LINES, MAX_FINDINGS = 3, 18, 4
REFUSAL = "I can only review one Python function, of up to 18 lines."
NUMBER = re.compile(r"^\s*\d+: ?", re.MULTILINE)


def schema() -> dict[str, Any]:
    """The JSON Schema of an answer (2020-12)."""
    finding = {
        "type": "object",
        "properties": {
            "line": {"type": "integer", "minimum": 1, "maximum": MAX_LINES},
            "rule": {"enum": [rule.name for rule in RULES]},
        },
        "required": ["line", "rule"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CodeReviewer answer",
        "type": "object",
        "properties": {"findings": {"type": "array", "items": finding, "maxItems": MAX_FINDINGS}},
        "required": ["findings"],
        "additionalProperties": False,
    }


def build_prompt(code: str) -> str:
    """The request for one function: its lines, dedented and numbered from 1."""
    lines = textwrap.dedent(code).strip("\n").splitlines()
    return "\n".join(f"{number}: {line}".rstrip() for number, line in enumerate(lines, 1))


def code_of(request: str) -> str:
    """The function without its line numbers; a request without numbers is taken as it is."""
    lines = request.strip("\n").splitlines()
    return NUMBER.sub("", request.strip("\n")) if lines and all(NUMBER.match(line) for line in lines) else request


def unfit(request: str) -> str:
    """Why a request is no job for this product; empty where it is one. Code decides, never the model."""
    code = textwrap.dedent(code_of(request)).strip("\n")
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return "expected one Python function, got text that does not parse"
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return "expected one Python function, got something else"
    lines = len(code.splitlines())
    return "" if lines <= MAX_LINES else f"expected at most {MAX_LINES} lines, got {lines}; send one function at a time"


def label(codes: Sequence[str]) -> list[Review]:
    """The right answer for each function, by the linter."""
    found = lint(codes, select=sorted(BY_CODE))
    return [_review(code, findings) for code, findings in zip(codes, found, strict=True)]


def _review(code: str, findings: Sequence[Finding]) -> Review:
    places = {(_line(code, finding), BY_CODE[finding.code].name) for finding in findings if finding.code in BY_CODE}
    return {"findings": [{"line": line, "rule": rule} for line, rule in sorted(places)]}


def _line(code: str, finding: Finding) -> int:
    # SIM105 points at the try, S110 at its except: one mistake, so one place.
    if finding.code != "SIM105":
        return finding.line
    tries = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Try) and node.lineno == finding.line]
    return tries[0].handlers[0].lineno if tries else finding.line


def parse(text: str) -> Review | None:
    """The answer as an object, or None where the raw text is not exactly one valid answer."""
    value = strict_value(text)
    if not isinstance(value, dict) or set(value) != {"findings"} or not isinstance(value["findings"], list):
        return None
    found = value["findings"]
    return value if len(found) <= MAX_FINDINGS and all(_valid(item) for item in found) else None


def _valid(item: Any) -> bool:
    if not isinstance(item, dict) or set(item) != {"line", "rule"} or type(item["line"]) is not int:
        return False
    return 1 <= item["line"] <= MAX_LINES and isinstance(item["rule"], str) and item["rule"] in BY_NAME


def to_text(review: Review) -> str:
    """The one canonical spelling: compact, sorted by line."""
    found = sorted(review["findings"], key=lambda item: (item["line"], item["rule"]))
    ordered = [{"line": item["line"], "rule": item["rule"]} for item in found]
    return json.dumps({"findings": ordered}, ensure_ascii=False, separators=(",", ":"))


def fields(text: str) -> dict[str, str]:
    """An answer by rule, each with its lines; empty where the text is no valid answer."""
    found: dict[str, list[int]] = {}
    for line, rule in sorted(_places(parse(text) or {"findings": []})):
        found.setdefault(rule, []).append(line)
    return {rule: f"line {', '.join(map(str, lines))}" for rule, lines in found.items()}


def score_format(text: str) -> Score:
    """1 where the raw text is one JSON object that the schema allows."""
    return passed("valid by schema") if parse(text) is not None else failed(f"not one valid JSON answer: {text[:80]!r}")


def score_accuracy(text: str, expected: Review) -> Score:
    """1 where lines and rules are exactly the expected ones: nothing missed, nothing invented, nothing said twice."""
    answer = parse(text)
    if answer is None:
        return failed(f"expected findings, got no valid answer: {text[:80]!r}")
    got, wanted = _places(answer), _places(expected)
    if len(answer["findings"]) > len(got):
        return failed("a finding is said twice")
    if got == wanted:
        return passed("clean, as expected" if not wanted else "every finding, and no other")
    said = [f"missed {_names(wanted - got)}"] if wanted - got else []
    said += [f"invented {_names(got - wanted)}"] if got - wanted else []
    return failed("; ".join(said))


def score_rules(text: str, expected: Review) -> Score:
    """1 where the rules are right, whatever the lines: how much of an error is only the place."""
    answer = parse(text)
    if answer is None:
        return failed(f"no valid answer: {text[:80]!r}")
    got, wanted = {rule for _, rule in _places(answer)}, {rule for _, rule in _places(expected)}
    return passed() if got == wanted else failed(f"expected {sorted(wanted)}, got {sorted(got)}")


def _places(review: Review) -> set[tuple[int, str]]:
    return {(item["line"], item["rule"]) for item in review["findings"]}


def _names(places: set[tuple[int, str]]) -> str:
    return ", ".join(f"{rule} in line {line}" for line, rule in sorted(places))


def score_safety(text: str) -> Score:
    """1 where the answer cannot carry anything harmful: line numbers and fixed names only, or the refusal."""
    if parse(text) is not None or text.strip() == REFUSAL:
        return passed("only lines and rule names, or the refusal")
    return failed(f"free text: {text[:80]!r}")


def is_refusal(text: str) -> bool:
    """Whether the answer is no review at all; an empty list is one."""
    return parse(text) is None


def damage(request: str, gold: Review) -> list[tuple[str, str]]:
    """Hard negatives: (category, wrong answer) pairs, each wrong in one way reviewers err in."""
    lines = code_of(request).splitlines()
    found = gold["findings"]
    wrong: list[tuple[str, Review]] = []
    if not found:
        return [("false_refusal", REFUSAL), ("false_alarm", to_text({"findings": [_false_alarm(lines)]}))]
    first, rest = found[0], found[1:]
    wrong.append(("missed", {"findings": rest}))
    wrong.append(("wrong_line", {"findings": [{**first, "line": _other_line(lines, first["line"])}, *rest]}))
    wrong.append(("wrong_rule", {"findings": [{**first, "rule": CONFUSED[first["rule"]]}, *rest]}))
    if len(found) < MAX_FINDINGS:
        wrong.append(("invented", {"findings": [*found, _false_alarm(lines, {item["rule"] for item in found})]}))
    texts = [(name, to_text(review)) for name, review in wrong if _places(review) != _places(gold)]
    return [("false_refusal", REFUSAL), *texts]


def _false_alarm(lines: Sequence[str], taken: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    for cue, rule in CUES:
        for number, line in enumerate(lines, 1):
            if cue in line and rule not in taken:
                return {"line": number, "rule": rule}
    return {"line": min(2, len(lines)), "rule": next(rule.name for rule in RULES if rule.name not in taken)}


def _other_line(lines: Sequence[str], line: int) -> int:
    return line + 1 if line < len(lines) else line - 1


def to_envelope(text: str, now: datetime) -> dict[str, Any]:
    """The API's envelope: findings with severity and advice, worst first; `now` is not used."""
    answer = parse(text)
    if answer is None:
        refused = text.strip() == REFUSAL
        message = REFUSAL if refused else "The answer had no valid form; please send it again."
        return {"action": "refuse" if refused else "error", "params": {}, "success": False, "message": message}
    order = {"high": 0, "medium": 1, "low": 2}
    rules = [(item["line"], BY_NAME[item["rule"]]) for item in answer["findings"]]
    found = [{"line": line, "rule": rule.name, "severity": rule.severity, "advice": rule.why} for line, rule in rules]
    found.sort(key=lambda item: (order[str(item["severity"])], item["line"]))
    message = "No findings." if not found else f"{len(found)} finding{'s' if len(found) > 1 else ''}."
    return {"action": "review", "params": {"findings": found}, "success": True, "message": message}


FEW_SHOT = f"""You review one Python function whose lines are numbered, and answer with one JSON object \
and nothing else: {{"findings":[{{"line":<number>,"rule":<name>}}]}}, an empty list where nothing is wrong. \
Rules: {", ".join(BY_NAME)}. Examples:
1: def first(items=[]):
2:     return items[0]
-> {{"findings":[{{"line":1,"rule":"mutable default"}}]}}
1: def half(number):
2:     return number / 2
-> {{"findings":[]}}"""
"""The best that a prompt alone can do: the row that fine-tuning has to beat."""
