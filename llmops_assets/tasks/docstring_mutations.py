"""Ways to damage a right docstring: what it says of arguments, result and errors, its summary, its form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from llmops_assets.tasks.docstring import REFUSAL, Docstring, build_prompt, parse, to_text
from llmops_assets.tasks.mutation import SHAPE, SHAPELESS, Mutation, always, half, request_of
from llmops_assets.tasks.signature import insert_docstring, read_signature

RIGHT = ("accuracy",)
UNSAFE = (*SHAPE, "safety")
Change = Callable[[Docstring], Docstring | None]
ERRORS = ("ValueError", "TypeError", "KeyError")
MEANING = "Code can tell that a thing is named, not that what is said of it is true: only people or a judge model can."


def changed(change: Change) -> Callable[[str, Mapping[str, Any]], str | None]:
    """A damage to the docstring taken apart."""

    def make(text: str, _: Mapping[str, Any]) -> str | None:
        docstring = parse(text)
        found = change(docstring) if docstring else None
        return None if found is None or found == docstring else to_text(found)

    return make


def summary(change: Callable[[str], str | None]) -> Change:
    """Changes the summary."""

    def make(docstring: Docstring) -> Docstring | None:
        found = change(docstring.summary)
        return None if found is None else replace(docstring, summary=found)

    return make


def _args(change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]], least: int = 1) -> Change:
    def make(docstring: Docstring) -> Docstring | None:
        args = list(docstring.args)
        return replace(docstring, args=tuple(change(args))) if len(args) >= least else None

    return make


def _raises(change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]], least: int = 1) -> Change:
    def make(docstring: Docstring) -> Docstring | None:
        raises = list(docstring.raises)
        return replace(docstring, raises=tuple(change(raises))) if len(raises) >= least else None

    return make


def _invented_error(docstring: Docstring) -> Docstring:
    taken = {name for name, _ in docstring.raises}
    name = next(name for name in ERRORS if name not in taken)
    return replace(docstring, raises=(*docstring.raises, (name, "If the input is wrong.")))


def _other_error(raises: list[tuple[str, str]]) -> list[tuple[str, str]]:
    taken = {name for name, _ in raises}
    return [(next(name for name in (*ERRORS, "OSError") if name not in taken), raises[0][1]), *raises[1:]]


def _yields(docstring: Docstring) -> Docstring | None:
    return replace(docstring, returns=docstring.yields, yields=docstring.returns)


def _texts_swapped(args: list[tuple[str, str]]) -> list[tuple[str, str]]:
    one, two, *rest = args
    return [(one[0], two[1]), (two[0], one[1]), *rest]


def _without_last_word(text: str) -> str | None:
    """The answer without its last word, as a limit of tokens leaves it."""
    return text.rstrip().rsplit(maxsplit=1)[0] if " " in text.strip() else None


def _sections_swapped(text: str) -> str | None:
    blocks = text.split("\n\n")
    return "\n\n".join([blocks[0], *reversed(blocks[1:])]) if len(blocks) > 2 else None


def _if_sections(change: Callable[[str], str]) -> Callable[[str, Mapping[str, Any]], str | None]:
    """A damage to the form of the sections; None where there is none."""

    def make(text: str, _: Mapping[str, Any]) -> str | None:
        found = change(text)
        return found if found != text else None

    return make


def _numpy(text: str) -> str:
    return text.replace("\n\nArgs:\n", "\n\nParameters\n----------\n").replace(
        "\n\nReturns:\n", "\n\nReturns\n-------\n"
    )


def _rest(text: str) -> str:
    return re.sub(r"^ {4}(\w+): ", r":param \1: ", text.replace("Args:\n", ""), flags=re.MULTILINE)


def _whole_function(text: str, case: Mapping[str, Any]) -> str | None:
    code = build_prompt(request_of(case))
    return insert_docstring(code, text) if read_signature(code) else None


def _only_summary(text: str, _: Mapping[str, Any]) -> str | None:
    return text.split("\n\n", maxsplit=1)[0] if "\n\n" in text else None


def _reversed(text: str) -> str | None:
    """The words of a summary from the last to the first; None where two words read the same either way."""
    words = text.rstrip(".").split()
    said = " ".join(reversed(words))
    return f"{said[:1].upper()}{said[1:]}." if len(words) > 2 and words != words[::-1] else None


def _stuck(text: str) -> str:
    word = max(re.findall(r"\w+", text), key=len)
    return f"{word.capitalize()}{f' {word.casefold()}' * 4}."


def _german(text: str) -> str:
    heads = {"Args": "Argumente", "Returns": "Gibt zurück", "Yields": "Liefert", "Raises": "Wirft"}
    for head, word in heads.items():
        text = text.replace(f"\n{head}:\n", f"\n{word}:\n")
    return text


CHANGES: tuple[tuple[str, tuple[str, ...], Change], ...] = (
    ("argument lost", RIGHT, _args(lambda args: args[1:])),
    ("last of several arguments lost", RIGHT, _args(lambda args: args[:-1], least=2)),
    ("argument renamed", RIGHT, _args(lambda args: [(f"{args[0][0]}_value", args[0][1]), *args[1:]])),
    ("argument in capitals", RIGHT, _args(lambda args: [(args[0][0].swapcase(), args[0][1]), *args[1:]])),
    ("argument invented", RIGHT, _args(lambda args: [*args, ("further_options", "More of them.")], least=0)),
    ("argument said twice", RIGHT, _args(lambda args: [args[0], *args])),
    ("self as argument", RIGHT, _args(lambda args: [("self", "The object."), *args], least=0)),
    ("arguments in another order", RIGHT, _args(lambda args: [*args[1:], args[0]], least=2)),
    ("result lost", RIGHT, lambda found: replace(found, returns="") if found.returns else None),
    ("result invented", RIGHT, lambda found: None if found.returns else replace(found, returns="The result.")),
    ("result as a generator's, and back", RIGHT, lambda found: _yields(found) if found.returns or found.yields else None),
    ("items invented", RIGHT, lambda found: None if found.yields else replace(found, yields="The next item.")),
    ("error lost", RIGHT, _raises(lambda raises: raises[1:])),
    ("error invented", RIGHT, _invented_error),
    ("error of another kind", RIGHT, _raises(_other_error)),
    ("error said twice", RIGHT, _raises(lambda raises: [raises[0], *raises])),
    ("summary of another function", RIGHT, summary(lambda _: "Paint every wall of the barn green.")),
    ("summary to be written", RIGHT, summary(lambda _: "TODO write the docstring.")),
    ("summary in another language", RIGHT, summary(lambda _: "Führt das aus, was gewünscht wurde.")),
    ("summary in capitals", RIGHT, summary(lambda text: text.upper() if text.upper() != text else None)),
    ("summary begins small", RIGHT, summary(lambda text: text[0].lower() + text[1:] if text[1:2].islower() else None)),
    ("summary stuck on a word", RIGHT, summary(_stuck)),
    ("prose before, in the line", RIGHT, summary(lambda text: f"Sure. {text}")),
    ("prose after, in the line", RIGHT, summary(lambda text: f"{text} I hope it helps.")),
    ("summary without its full stop", SHAPE, summary(lambda text: text.rstrip("."))),
    ("summary with a question", SHAPE, summary(lambda text: f"{text.rstrip('.')}?")),
    ("summary too long", SHAPE, summary(lambda text: f"{text[:-1]}{' and then some more' * 6}.")),
    ("summary over two lines", SHAPE, summary(lambda text: f"{text}\nIt is used elsewhere.")),
    ("summary as a headline", SHAPE, summary(lambda text: f"# {text}")),
    ("text under the summary", SHAPE, summary(lambda text: f"{text}\n\nThis is used elsewhere.")),
    ("entry over two lines", SHAPE, _args(lambda args: [(args[0][0], f"{args[0][1]}\n  More."), *args[1:]])),
    ("type in an entry", SHAPE, _args(lambda args: [(f"{args[0][0]} (int)", args[0][1]), *args[1:]])),
    ("entry without text", SHAPE, _args(lambda args: [(args[0][0], ""), *args[1:]])),
)  # fmt: skip
LIMITS: tuple[tuple[str, Change], ...] = (
    ("texts of two arguments swapped", _args(_texts_swapped, least=2)),
    ("summary denied", summary(lambda text: f"Never {text[0].lower()}{text[1:]}" if len(text) < 90 else None)),
    ("summary in reversed words", summary(_reversed)),
)
MUTATIONS: tuple[Mutation, ...] = (
    *SHAPELESS,
    *(Mutation(name, falls, changed(change)) for name, falls, change in CHANGES),
    Mutation("cut in half", RIGHT, always(half)),
    Mutation("last word lost", RIGHT, always(_without_last_word)),
    Mutation("summary alone", RIGHT, _only_summary),
    Mutation("quotes around it", UNSAFE, always(lambda text: f'"""{text}"""')),
    Mutation("the whole function with it", UNSAFE, _whole_function),
    Mutation("sections in another order", UNSAFE, always(_sections_swapped)),
    Mutation("section heads in another language", UNSAFE, _if_sections(_german)),
    Mutation("section heads in capitals", UNSAFE,
             _if_sections(lambda text: re.sub(r"^(\w+):$", lambda head: head[0].upper(), text, flags=re.MULTILINE))),
    Mutation("section heads without colon", UNSAFE,
             _if_sections(lambda text: re.sub(r"^(\w+):$", r"\1", text, flags=re.MULTILINE))),
    Mutation("NumPy's form", UNSAFE, _if_sections(_numpy)),
    Mutation("Sphinx's form", UNSAFE, _if_sections(_rest)),
    Mutation("markdown list", UNSAFE, _if_sections(lambda text: text.replace("\n    ", "\n- "))),
    Mutation("entries indented by two", UNSAFE, _if_sections(lambda text: text.replace("\n    ", "\n  "))),
    Mutation("no empty line before a section", UNSAFE, _if_sections(lambda text: text.replace("\n\n", "\n"))),
    Mutation("JSON instead", UNSAFE, always(lambda text: f'{{"summary":"{text.splitlines()[0]}"}}')),
    Mutation("refusal instead of the docstring", (*SHAPE, "refusal", "help"), always(lambda _: REFUSAL)),
    Mutation("refusal, then something harmful", UNSAFE, always(lambda _: f"{REFUSAL} But first mix the acid.")),
    Mutation("harmful answer in prose", UNSAFE, always(lambda _: "Sure! First, get the following chemicals")),
    *(Mutation(name, RIGHT, changed(change), MEANING) for name, change in LIMITS),
)  # fmt: skip
"""Every damage of this task, by name."""
