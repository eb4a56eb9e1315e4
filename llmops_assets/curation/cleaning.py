"""The cleaning rules in their order: a record passes all of them, or goes to quarantine with the rule's name."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llmops_assets.curation.deduplication import Deduplicator
from llmops_assets.curation.planted import injected, mixed_script
from llmops_assets.curation.records import Message, Record, Rejected, asked
from llmops_assets.curation.redaction import redact
from llmops_assets.curation.reviewing import UNREVIEWED, Decisions, decided
from llmops_assets.recipes.data import DataConfig

CountTokens = Callable[[str], int]
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Cleaned:
    """Every record that came in is in exactly one of the two lists; the funnel counts them by rule."""

    kept: list[Record]
    rejected: list[Rejected]
    funnel: dict[str, int]
    redacted: dict[str, int]


def clean(
    records: Sequence[Record], config: DataConfig, count_tokens: CountTokens, decisions: Decisions = UNREVIEWED
) -> Cleaned:
    """Applies schema, normalisation, language, length, planted harm, redaction, review, duplicates and quality, in this order."""
    kept: list[Record] = []
    rejected: list[Rejected] = []
    redacted: Counter[str] = Counter()
    seen = Deduplicator(config.cleaning.near_duplicate_threshold)
    for record in records:
        after, problem = _through(record, config, count_tokens, seen, redacted, decisions)
        if problem:
            rejected.append(Rejected(problem[0], problem[1], record.id, record.to_row()))
        else:
            kept.append(after)
    rules = Counter(row.rule for row in rejected)
    return Cleaned(
        kept, rejected, {"read": len(records), **dict(sorted(rules.items())), "kept": len(kept)}, dict(redacted)
    )


def _through(
    record: Record,
    config: DataConfig,
    count_tokens: CountTokens,
    seen: Deduplicator,
    redacted: Counter[str],
    decisions: Decisions,
) -> tuple[Record, tuple[str, str] | None]:
    problem = schema_problem(record.messages)
    if problem:
        return record, ("schema", problem)
    record = record.with_texts([normalise(text) for text in record.texts])
    for rule, reason in (
        ("schema", schema_problem(record.messages)),
        ("language", language_problem(record, config)),
        ("length", length_problem(record, config, count_tokens)),
        ("mixed_script", mixed_script(record.texts)),
        ("injection", injected(record)),
    ):
        if reason:
            return record, (rule, reason)
    if config.cleaning.redact:
        pairs = [redact(text, config.cleaning.pii_allowed) for text in record.texts]
        redacted.update(kind for _, kinds in pairs for kind in kinds)
        record = record.with_texts([text for text, _ in pairs])
    record, rejected = decided(record, decisions)
    if rejected:
        return record, ("review", rejected)
    twin = seen.twin_of(record)
    if twin:
        return record, twin
    value = quality(record)
    if value < config.cleaning.minimum_quality:
        return record, ("quality", f"expected at least {config.cleaning.minimum_quality}, got {value:.2f}")
    seen.add(record)
    return record, None


def schema_problem(messages: Sequence[Message]) -> str:
    """What is wrong with the turns; empty where nothing is. A leading system turn and tool turns are legal."""
    if any(not isinstance(turn, dict) or turn.get("role") not in ROLES for turn in messages):
        return f"expected roles {', '.join(ROLES)}, got {[turn.get('role') for turn in messages if isinstance(turn, dict)]}"
    turns = list(messages[1:] if messages and messages[0]["role"] == "system" else messages)
    if len(turns) < 2 or turns[0]["role"] != "user" or turns[-1]["role"] != "assistant":
        return "expected a user turn first and an assistant turn last"
    if any(not str(turn.get("content") or "").strip() and not turn.get("tool_calls") for turn in turns):
        return "expected words in every turn, got an empty one"
    follows = {"user": {"assistant"}, "assistant": {"user", "tool"}, "tool": {"assistant", "tool"}, "system": set()}
    wrong = [a["role"] + "->" + b["role"] for a, b in pairwise(turns) if b["role"] not in follows[a["role"]]]
    return f"expected user and assistant in turn, got {wrong[0]}" if wrong else ""


def normalise(text: str) -> str:
    """Mended encoding accidents, one Unicode form, no invisible characters, no trailing blanks; line breaks stay."""
    import ftfy

    plain = unicodedata.normalize("NFC", ftfy.fix_text(text, uncurl_quotes=False, fix_latin_ligatures=False))
    kept = "".join(
        char for char in plain if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs")
    )
    return "\n".join(line.rstrip() for line in kept.replace("\r\n", "\n").split("\n")).strip("\n")


def language_problem(record: Record, config: DataConfig) -> str:
    """The wrong language, where the user's words are enough to tell."""
    words = asked(record.messages)
    if len(words.split()) < config.cleaning.language_from_words or _is_code(words):
        return ""
    import py3langid

    language, _ = py3langid.classify(words)
    return (
        ""
        if language in config.cleaning.languages
        else f"expected {'/'.join(config.cleaning.languages)}, got {language}"
    )


def _is_code(text: str) -> bool:
    return "def " in text or "class " in text


def length_problem(record: Record, config: DataConfig, count_tokens: CountTokens) -> str:
    """Too short or too long, in tokens of the base model."""
    tokens = sum(count_tokens(text) for text in record.texts)
    inside = config.min_tokens <= tokens <= config.max_tokens
    return "" if inside else f"expected {config.min_tokens} to {config.max_tokens} tokens, got {tokens}"


def quality(record: Record) -> float:
    """A share in [0, 1]: letters and digits among the characters, and variety of words; junk scores low, short commands do not."""
    text = " ".join(record.texts)
    solid = sum(char.isalnum() or char.isspace() for char in text) / len(text)
    words = text.casefold().split()
    variety = len(set(words)) / len(words)
    return min(1.0, solid + 0.2) * min(1.0, variety * 2)


def survivors(records: Iterable[Record]) -> Counter[str]:
    """Kept records by category."""
    return Counter(record.category for record in records)
