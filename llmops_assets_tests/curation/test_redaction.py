"""What is hidden and what stays, kind by kind (redaction_cases.yaml), and which placeholder a value gets in its record."""

import random
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from llmops_assets.curation.redaction import FINDERS, redact

LETTERS = {
    "A": string.ascii_letters + string.digits,
    "L": string.ascii_letters,
    "U": string.ascii_uppercase + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "-_",
}


def cases() -> Iterator[tuple[str, str]]:
    table = yaml.safe_load(Path(__file__).with_name("redaction_cases.yaml").read_text(encoding="utf-8"))
    yield from ((kind, str(line)) for kind, lines in table.items() for line in lines)


def grown(line: str) -> str:
    """The line with letters where the table says how many; the same ones every time."""
    rng = random.Random(line)
    return re.sub(r"<([ALUhdw])(\d+)>", lambda hit: "".join(rng.choices(LETTERS[hit[1]], k=int(hit[2]))), line)


@pytest.mark.parametrize(("kind", "line"), list(cases()))
def test_what_is_private_is_hidden_and_nothing_else(kind: str, line: str) -> None:
    marked = grown(line)
    values = re.findall("«(.*?)»", marked, re.DOTALL)
    hidden = redact([re.sub("[«»]", "", marked)])
    expected = re.sub("«.*?»", f"[{kind.upper()}]", marked, flags=re.DOTALL)
    assert re.sub(r"_\d+\]", "]", hidden.texts[0]) == expected
    assert hidden.kinds == [kind] * len(values)
    assert redact(hidden.texts).kinds == []


def test_the_table_has_forty_cases_of_every_kind_and_both_sorts() -> None:
    counted = {kind: [line for named, line in cases() if named == kind] for kind in FINDERS}
    counted["secret"] += counted.pop("private_key")
    assert {kind for kind, lines in counted.items() if len(lines) < 40} == set()
    assert {kind for kind, lines in counted.items() if sum("«" in line for line in lines) < 20} == set()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["mail a@b.com and c@d.org", "c@d.org"], ["mail [EMAIL] and [EMAIL_2]", "[EMAIL_2]"]),
        (["mail a@b.com, A@B.com"], ["mail [EMAIL], [EMAIL]"]),
        (["ana-b@x.de, anab@x.de"], ["[EMAIL], [EMAIL_2]"]),
        (["415.555.2671, 415-555-2671"], ["[PHONE], [PHONE]"]),
        (["8.8.8.8, 1.1.1.1, 8.8.8.8"], ["[IP], [IP_2], [IP]"]),
        (["a@b.com, +14155552671, +1 415 555 2671"], ["[EMAIL], [PHONE], [PHONE]"]),
        (["pay DE89370400440532013000", "DE89 3704 0044 0532 0130 00"], ["pay [IBAN]", "[IBAN]"]),
        (["call mum on 020 7946 0958", '{"n":"020 7946 0958"}'], ["call mum on [PHONE]", '{"n":"[PHONE]"}']),
        (["write ana@firma.de", '{"note":"x\\nana@firma.de"}'], ["write [EMAIL]", '{"note":"x\\n[EMAIL]"}']),
        (["clone https://bot:mum@git.local/a and call mum"], ["clone https://bot:[SECRET]@git.local/a and call mum"]),
        (["[EMAIL] forwards to a@b.com"], ["[EMAIL] forwards to [EMAIL_2]"]),
        (["KEY_sk-abcdefghijklmnop1234x"], ["KEY_[SECRET]"]),
    ],
)
def test_a_value_has_one_placeholder_in_its_record(texts: list[str], expected: list[str]) -> None:
    assert redact(texts).texts == expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(("email",), "a@b.com [SSN]"), (("ssn",), "[EMAIL] 536-90-4399"), (("email", "ssn"), "a@b.com 536-90-4399")],
)
def test_an_allowed_kind_stays(allowed: tuple[str, ...], expected: str) -> None:
    assert redact(["a@b.com 536-90-4399"], allowed).texts == [expected]
