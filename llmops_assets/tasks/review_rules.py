"""The thirteen things that CodeReviewer looks for, by what they mean, and what is mixed up with them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What the product looks for: a name in words, linter codes that mean it, and what a reader is told."""

    name: str
    codes: tuple[str, ...]
    severity: str
    why: str


RULES: tuple[Rule, ...] = (
    Rule("assert in code", ("S101",), "medium", "Python drops asserts under -O; raise an error instead."),
    Rule(
        "catches everything",
        ("BLE001", "E722"),
        "high",
        "A bare or broad except hides bugs; name the errors you expect.",
    ),
    Rule(
        "global statement",
        ("PLW0603",),
        "medium",
        "Writing to a module's global couples callers; pass or return the value.",
    ),
    Rule(
        "import inside function",
        ("PLC0415",),
        "low",
        "The import runs at every call and hides a dependency; move it to the top.",
    ),
    Rule("leftover print", ("T201",), "low", "Printing belongs to programs; log, or return the text."),
    Rule(
        "mutable default",
        ("B006",),
        "high",
        "The default is made once and shared by all calls; use None and make it inside.",
    ),
    Rule(
        "needless else",
        ("RET505", "RET506", "RET507", "RET508"),
        "low",
        "The branch above already left; drop the else and dedent.",
    ),
    Rule(
        "old string formatting",
        ("UP031", "UP032"),
        "low",
        "An f-string says the same and is checked by tools.",
    ),
    Rule(
        "raise without from",
        ("B904",),
        "medium",
        "Inside except, raise ... from error, so that the cause is not lost.",
    ),
    Rule("shadows builtin", ("A001", "A002"), "medium", "The name hides a builtin of Python; choose another."),
    Rule(
        "swallowed error",
        ("SIM105", "S110", "S112"),
        "high",
        "The error vanishes; log it, or say contextlib.suppress.",
    ),
    Rule("unclear name", ("E741",), "low", "l, O and I look like digits; choose a name that can be read."),
    Rule(
        "zip without strict",
        ("B905",),
        "medium",
        "zip drops what is left over; say strict=True or strict=False.",
    ),
)
BY_NAME = {rule.name: rule for rule in RULES}
BY_CODE = {code: rule for rule in RULES for code in rule.codes}
CONFUSED: dict[str, str] = {
    "assert in code": "leftover print",
    "catches everything": "swallowed error",
    "global statement": "shadows builtin",
    "import inside function": "global statement",
    "leftover print": "old string formatting",
    "mutable default": "shadows builtin",
    "needless else": "raise without from",
    "old string formatting": "leftover print",
    "raise without from": "catches everything",
    "shadows builtin": "unclear name",
    "swallowed error": "catches everything",
    "unclear name": "shadows builtin",
    "zip without strict": "unclear name",
}
"""The name that a wrong answer of the same kind would give."""
CUES = (
    ("except", "catches everything"),
    ("else", "needless else"),
    ("raise", "raise without from"),
    ("zip(", "zip without strict"),
    ("%", "old string formatting"),
    ('f"', "old string formatting"),
    ("import", "import inside function"),
    ("=None", "mutable default"),
    ("name", "shadows builtin"),
    (" = ", "unclear name"),
    ("return", "needless else"),
)
"""Words that tempt to a false alarm, and which."""
