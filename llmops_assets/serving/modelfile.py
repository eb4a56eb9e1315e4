"""Ollama's Modelfile: text from fields, and fields from text.

FROM ./model.gguf
PARAMETER temperature 0
TEMPLATE \"\"\"...\"\"\"
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmops_assets.errors import ServingError
from llmops_assets.serving.options import OptionError, read_option

QUOTES = '"""'
LINE = re.compile(r"[ \t]*(?P<word>[A-Za-z]+)[ \t]+(?P<rest>.*)", re.DOTALL)
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Modelfile:
    """The fields of a Modelfile; `stops` are its `stop` parameters, which may come several times."""

    from_: str
    template: str = ""
    system: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stops: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    messages: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The Modelfile, as `parse` reads it.

        Raises:
            ServingError: a text holds three quotes in a row, which no Modelfile can say.
        """
        lines = [f"FROM {self.from_}", *_quoted("TEMPLATE", self.template), *_quoted("SYSTEM", self.system)]
        lines += [f"PARAMETER {name} {_word(value)}" for name, value in self.parameters.items()]
        lines += [f"PARAMETER stop {_string(stop)}" for stop in self.stops]
        lines += [f"MESSAGE {role} {_string(content)}" for role, content in self.messages]
        for licence in self.license:
            lines += _quoted("LICENSE", licence)
        return "\n".join(lines) + "\n"

    @property
    def request(self) -> dict[str, Any]:
        """The fields as the create API takes them, without the files."""
        parameters = {**self.parameters, **({"stop": list(self.stops)} if self.stops else {})}
        fields = {
            "template": self.template,
            "system": self.system,
            "parameters": parameters,
            "license": list(self.license),
            "messages": [{"role": role, "content": content} for role, content in self.messages],
        }
        return {name: value for name, value in fields.items() if value}


def parse(text: str) -> Modelfile:
    """Reads a Modelfile: instructions in any case and order, values plain, in quotes or in triple quotes.

    Raises:
        ServingError: with the line that was not understood.
    """
    fields: dict[str, Any] = {"parameters": {}, "stops": (), "license": (), "messages": ()}
    for number, word, value in _instructions(text):
        if word == "PARAMETER":
            name, _, rest = value.partition(" ")
            _add_parameter(fields, name.lower(), _unquoted(rest.strip()), number)
        elif word == "MESSAGE":
            role, _, content = value.partition(" ")
            if role.lower() not in ROLES:
                raise _wrong(number, f"a role of {', '.join(ROLES)}", role)
            fields["messages"] += ((role.lower(), _unquoted(content.strip())),)
        elif word == "LICENSE":
            fields["license"] += (_unquoted(value),)
        elif word in ("FROM", "TEMPLATE", "SYSTEM"):
            fields["from_" if word == "FROM" else word.lower()] = _unquoted(value)
        else:
            raise _wrong(number, "FROM, PARAMETER, TEMPLATE, SYSTEM, LICENSE or MESSAGE", word)
    if not fields.get("from_"):
        raise ServingError("expected a FROM line in the Modelfile, got none; name a GGUF file or a model")
    return Modelfile(**fields)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, INSTRUCTION, value as written)."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    at = 0
    while at < len(lines):
        first, line = at + 1, lines[at]
        at += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.match(line)
        if found is None:
            raise _wrong(first, "an instruction and its value", line.strip())
        value = found["rest"].rstrip("\r\n")
        if found["rest"].count(QUOTES) == 1:
            value = found["rest"]
            while value.count(QUOTES) < 2:
                if at == len(lines):
                    raise _wrong(first, f"closing {QUOTES}", "the end of the file")
                value += lines[at]
                at += 1
        yield first, found["word"].upper(), value.strip()


def _add_parameter(fields: dict[str, Any], name: str, value: str, number: int) -> None:
    if name == "stop":
        fields["stops"] += (value,)
        return
    try:
        fields["parameters"][name] = read_option(name, value)
    except OptionError as error:
        raise _wrong(number, f"PARAMETER {name} {error.expected}", value) from error


def _unquoted(value: str) -> str:
    if len(value) >= 2 * len(QUOTES) and value.startswith(QUOTES) and value.endswith(QUOTES):
        return value[len(QUOTES) : -len(QUOTES)]
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _quoted(word: str, value: str) -> list[str]:
    return [f"{word} {_in_quotes(value)}"] if value else []


def _in_quotes(value: str) -> str:
    # A quote at either end would join the closing ones.
    if QUOTES in value or value.startswith('"') or value.endswith('"'):
        raise ServingError(f"expected a text without {QUOTES} and without quotes at its ends, got {value[:40]!r}")
    return f"{QUOTES}{value}{QUOTES}"


def _string(value: str) -> str:
    return f'"{value}"' if value and "\n" not in value and '"' not in value else _in_quotes(value)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrong(number: int, expected: str, got: str) -> ServingError:
    return ServingError(f"Modelfile line {number}: expected {expected}, got {got[:60]!r}; correct the line")


def from_request(from_: str, fields: Mapping[str, Any]) -> Modelfile:
    """The Modelfile that says what a model stored with these fields does."""
    parameters = dict(fields.get("parameters") or {})
    stops: Sequence[str] = parameters.pop("stop", ())
    return Modelfile(
        from_,
        fields.get("template") or "",
        fields.get("system") or "",
        parameters,
        tuple(stops),
        tuple(fields.get("license") or ()),
        tuple((message["role"], message["content"]) for message in fields.get("messages") or ()),
    )
