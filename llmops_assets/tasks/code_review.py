"""The code review task: one numbered Python function in, one JSON line out (data/CodeReviewer/TASK.md).

1: def first(items=[]):            ->  {"findings":[{"line":1,"rule":"mutable default"}]}
2:     return items[0]
"""

import ast
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from llmops_assets.errors import DataError, EvaluationError
from llmops_assets.tasks.answers import strict_value
from llmops_assets.tasks.few_shot import FewShot
from llmops_assets.tasks.review_diffs import Touched, is_diff, touched
from llmops_assets.tasks.review_fixes import Replacement, fix
from llmops_assets.tasks.review_labels import Review
from llmops_assets.tasks.review_rules import BY_NAME, CONFUSED, CUES, RULES, Rule
from llmops_assets.tasks.score import Score, failed, passed
from llmops_assets.tasks.signature import UNREADABLE

MIN_LINES, MAX_LINES, MAX_FINDINGS = 3, 18, 4
SEVERITIES = ("high", "medium", "low")
REFUSAL = "I can only review one Python function, of up to 18 lines."
NUMBER = re.compile(r"^\s*\d+: ?", re.MULTILINE)


def schema() -> dict[str, Any]:
    """The JSON Schema of an answer (2020-12)."""
    line = {"type": "integer", "minimum": 1, "maximum": MAX_LINES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CodeReviewer answer",
        **answer_schema(finding_schema(line, [rule.name for rule in RULES]), MAX_FINDINGS),
    }


def finding_schema(line: Mapping[str, Any], rules: Sequence[str]) -> dict[str, Any]:
    """The schema of a finding in a line that fits `line`, by one of these rules."""
    return {
        "type": "object",
        "properties": {"line": line, "rule": {"enum": list(rules)}},
        "required": ["line", "rule"],
        "additionalProperties": False,
    }


def answer_schema(finding: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The schema of at most so many findings."""
    findings = {"type": "array", **({"items": finding} if most else {}), "maxItems": most}
    return {
        "type": "object",
        "properties": {"findings": findings},
        "required": ["findings"],
        "additionalProperties": False,
    }


def build_prompt(code: str) -> str:
    """The request for one function: its lines, dedented and numbered from 1."""
    lines = textwrap.dedent(code).strip("\n").splitlines()
    return "\n".join(f"{number}: {line}".rstrip() for number, line in enumerate(lines, 1))


def code_of(request: str) -> str:
    """The function: of a diff the first that it adds to, else the request without its line numbers, if it has any."""
    if is_diff(request):
        return next((function.code for function in _touched(request)), request)
    lines = request.strip("\n").splitlines()
    return NUMBER.sub("", request.strip("\n")) if lines and all(NUMBER.match(line) for line in lines) else request


def unfit(request: str) -> str:
    """Why a request is no job for this product; empty where it is one. Code decides, never the model."""
    if is_diff(request):
        try:
            functions = touched(request)
        except DataError as error:
            return str(error)
        if len(functions) != 1:
            return f"expected a diff that adds to one whole Python function, got one that adds to {len(functions)}"
    code = textwrap.dedent(code_of(request)).strip("\n")
    try:
        body = ast.parse(code).body
    except UNREADABLE:
        return "expected one Python function, got text that does not parse"
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return "expected one Python function, got something else"
    lines = len(code.splitlines())
    return "" if lines <= MAX_LINES else f"expected at most {MAX_LINES} lines, got {lines}; send one function at a time"


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


def to_envelope(text: str, now: datetime, request: str = "") -> dict[str, Any]:
    """The API's envelope: findings with severity, advice and, where code can mend them, a fix; worst first.

    Lines are those of the request; of a diff those of the new file, and only findings in lines that it adds are told.

    Args:
        text: the model's answer.
        now: not used.
        request: what was asked; without it nothing is mended.
    """
    answer = parse(text)
    if answer is None:
        refused = text.strip() == REFUSAL
        message = REFUSAL if refused else "The answer had no valid form; please send it again."
        return {"action": "refuse" if refused else "error", "params": {}, "success": False, "message": message}
    where = next(iter(_touched(request)), None) if is_diff(request) else None
    code = textwrap.dedent(code_of(request)).strip("\n")
    places = sorted(_places(answer))
    told = [place for place in places if where is None or place[0] in where.added]
    found = [_finding(code, line, BY_NAME[rule], where) for line, rule in told]
    found.sort(key=lambda item: (SEVERITIES.index(item["severity"]), item["line"]))
    message = f"{len(found)} finding{'s' if len(found) > 1 else ''}." if found else "No findings."
    if len(told) < len(places):
        message += f" {len(places) - len(told)} more in lines that the diff leaves as they are."
    return {"action": "review", "params": {"findings": found}, "success": True, "message": message}


def _finding(code: str, line: int, rule: Rule, where: Touched | None) -> dict[str, Any]:
    shift, indent = (where.first - 1, where.indent) if where else (0, "")
    mended = _fix(code, line, rule.name)
    found: dict[str, Any] = {"line": line + shift, "rule": rule.name, "severity": rule.severity, "advice": rule.why}
    if mended:
        text = textwrap.indent(mended.text, indent)
        found["fix"] = {"first": mended.first + shift, "last": mended.last + shift, "text": text}
    return {**({"path": where.path} if where else {}), **found}


def _fix(code: str, line: int, rule: str) -> Replacement | None:
    try:
        return fix(code, line, rule) if code else None
    except EvaluationError:
        # A review is worth having where the linter is not installed.
        return None


def _touched(request: str) -> list[Touched]:
    try:
        return touched(request)
    except DataError:
        return []


FEW_SHOT = FewShot(
    "You review one Python function whose lines are numbered, and answer with one JSON object and nothing else: "
    '{"findings":[{"line":<number>,"rule":<name>}]}, an empty list where nothing is wrong. '
    f"Rules: {', '.join(BY_NAME)}.",
    (
        ("1: def first(items=[]):\n2:     return items[0]", '{"findings":[{"line":1,"rule":"mutable default"}]}'),
        ("1: def half(number):\n2:     return number / 2", '{"findings":[]}'),
    ),
)
