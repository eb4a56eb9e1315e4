"""The cleaning rules in their order: a record passes all of them, or goes to quarantine with the rule's name.

Each rule is a function of one record; only twins need to know what came before.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from llmops_assets.curation.deduplication import Keys, keys_of, spare_id, twin_in
from llmops_assets.curation.planted import injected, mixed_script
from llmops_assets.curation.records import Message, Record, Rejected, asked
from llmops_assets.curation.redaction import redact
from llmops_assets.curation.reviewing import Decisions, decided
from llmops_assets.recipes.data import DataConfig
from llmops_assets.tasks.chat_template import SPECIAL

CountTokens = Callable[[str], int]
ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Rules:
    """What the rules go by.

    Attributes:
        config: the recipe's `data` section.
        count_tokens: of the base model; a token covers at least one byte. Picklable where processes share the work.
        refusal: the one answer by which the product refuses; orders to the model are taken with no other.
        decisions: what people said of records.
    """

    config: DataConfig
    count_tokens: CountTokens
    refusal: str
    decisions: Decisions = field(default_factory=dict)


@dataclass(frozen=True)
class Examined:
    """A record that passed every rule that looks at one record alone, and what the last two rules need.

    Attributes:
        record: cleaned.
        redacted: the kinds of what was replaced in it.
        keys: what tells its twins.
        quality: in [0, 1].
    """

    record: Record
    redacted: tuple[str, ...]
    keys: Keys
    quality: float


def examine(records: Sequence[Record | Rejected], rules: Rules) -> list[Examined | Rejected]:
    """Schema, normalisation, language, length, planted harm, redaction and review, in this order; rejected ones pass as they are.

    What a reviewer wrote goes through all of them as well.
    """
    through = [each if isinstance(each, Rejected) else _through(each, rules) for each in records]
    cleaned = [each[0] for each in through if not isinstance(each, Rejected)]
    keys = iter(keys_of(cleaned, rules.config.cleaning.near_duplicate_threshold))
    return [
        each if isinstance(each, Rejected) else Examined(each[0], each[1], next(keys), quality(each[0]))
        for each in through
    ]


def _through(came: Record, rules: Rules) -> tuple[Record, tuple[str, ...]] | Rejected:
    cleaned = _cleaned(came, rules)
    if isinstance(cleaned, Rejected):
        return cleaned
    record, said = decided(cleaned[0], rules.decisions)
    if said:
        return _rejected("review", said, came)
    if record is cleaned[0]:
        return cleaned
    again = _cleaned(record, rules)
    if isinstance(again, Rejected):
        return _rejected(again.rule, f"as a reviewer edited it: {again.reason}", came)
    return again[0], cleaned[1] + again[1]


def _cleaned(came: Record, rules: Rules) -> tuple[Record, tuple[str, ...]] | Rejected:
    record, config = came, rules.config
    problem = schema_problem(record.messages)
    if problem:
        return _rejected("schema", problem, came)
    record = record.with_texts([normalise(text) for text in record.texts])
    for rule, reason in (
        ("schema", schema_problem(record.messages)),
        ("language", language_problem(record, config)),
        ("length", length_problem(record, config, rules.count_tokens)),
        ("mixed_script", mixed_script(record.texts)),
        ("chat_token", chat_token(record)),
        ("injection", injected(record, rules.refusal)),
    ):
        if reason:
            return _rejected(rule, reason, came)
    kinds: tuple[str, ...] = ()
    if config.cleaning.redact:
        redacted = redact(record.texts, config.cleaning.pii_allowed)
        kinds = tuple(redacted.kinds)
        record = record.with_texts(redacted.texts) if kinds else record
    return record, kinds


def _rejected(rule: str, reason: str, record: Record) -> Rejected:
    return Rejected(rule, reason, record.id, record.to_row())


def settle(
    chunk: Sequence[Examined | Rejected], known: dict[int, str], config: DataConfig
) -> list[Examined | Rejected]:
    """Twins and quality, record by record.

    Args:
        chunk: in the order of arrival.
        known: ids of kept records by key; gets those of the chunk that are kept.
        config: the recipe's `data` section.
    """
    settled: list[Examined | Rejected] = []
    for each in chunk:
        if isinstance(each, Rejected):
            settled.append(each)
            continue
        twin = twin_in(known, each.keys)
        if twin is None and each.quality < config.cleaning.minimum_quality:
            twin = ("quality", f"expected at least {config.cleaning.minimum_quality}, got {each.quality:.2f}")
        if twin:
            settled.append(_rejected(*twin, each.record))
            continue
        named = _with_own_id(each, known)
        if isinstance(named, Examined):
            for key in each.keys.twins:
                known.setdefault(key, named.record.id)
        settled.append(named)
    return settled


def _with_own_id(each: Examined, known: dict[int, str]) -> Examined | Rejected:
    """The record under its own id, or its spare one where another record has that; `known` gets what it is called."""
    record = each.record
    ids = (record.id, spare_id(record, each.keys.exact))
    free = next(((key, name) for key, name in zip(each.keys.names, ids, strict=True) if key not in known), None)
    if free is None:
        return _rejected("same_id", f"expected an id of its own, other records have {' and '.join(ids)}", record)
    known[free[0]] = free[1]
    return replace(each, record=replace(record, id=free[1]))


def schema_problem(messages: Sequence[Message]) -> str:
    """What is wrong with the turns; empty where nothing is. A leading system turn and tool turns are legal."""
    if any(not isinstance(turn, dict) or turn.get("role") not in ROLES for turn in messages):
        return f"expected roles {', '.join(ROLES)}, got {[turn.get('role') for turn in messages if isinstance(turn, dict)]}"
    turns = list(messages[1:] if messages and messages[0]["role"] == "system" else messages)
    if len(turns) < 2 or turns[0]["role"] != "user" or turns[-1]["role"] != "assistant":
        return "expected a user turn first and an assistant turn last"
    if any(not isinstance(turn.get("content"), str) or not turn["content"].strip() for turn in messages):
        return "expected words in every turn, got an empty one"
    if turns[-1].get("train") is False:
        return "expected an answer to learn at the end, got one that is not to be trained"
    follows = {
        "user": {"assistant"},
        "assistant": {"user", "tool"},
        "tool": {"assistant", "tool", "user"},
        "system": set(),
    }
    wrong = [a["role"] + "->" + b["role"] for a, b in pairwise(turns) if b["role"] not in follows[a["role"]]]
    return f"expected user and assistant in turn, got {wrong[0]}" if wrong else ""


def normalise(text: str) -> str:
    """Mended encoding accidents, one Unicode form, no invisible characters, no trailing blanks; line breaks stay."""
    if text.isascii() and text.replace("\n", "").isprintable() and "&" not in text:
        # Nothing to mend: the longer way comes to the same.
        return _trimmed(text)
    import ftfy

    plain = unicodedata.normalize("NFC", ftfy.fix_text(text, uncurl_quotes=False, fix_latin_ligatures=False))
    kept = "".join(
        char for char in plain if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs")
    )
    return _trimmed(kept.replace("\r\n", "\n"))


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


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


def chat_token(record: Record) -> str:
    """A token of the chat format among the words: it would end a turn where none ends."""
    token = next((token for token in SPECIAL for text in record.texts if token in text), "")
    return f"expected plain text, got {token}" if token else ""


def _is_code(text: str) -> bool:
    return "def " in text or "class " in text


def length_problem(record: Record, config: DataConfig, count_tokens: CountTokens) -> str:
    """Too short or too long, in tokens of the base model."""
    words, most = sum(len(text.split()) for text in record.texts), sum(len(text.encode()) + 1 for text in record.texts)
    if words >= config.min_tokens and most <= config.max_tokens:
        # A word is at least a token, a token at least a byte: no need to count.
        return ""
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
