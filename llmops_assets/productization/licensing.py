"""The licence gate: may this be sold? Every component of a product, judged by its SPDX id against a sale under the product's terms.

A licence that nobody listed is unknown, and unknown is refused: silence is not permission.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from llmops_assets.errors import LicenceError
from llmops_assets.recipes.product import LicenseTerms

Kind = Literal["base model", "data set", "guard data set"]
Ruling = Literal["allow", "attribute", "acknowledge", "refuse"]
STRENGTH: tuple[Ruling, ...] = ("allow", "attribute", "acknowledge", "refuse")


@dataclass(frozen=True)
class Component:
    """Something that the product is made of."""

    name: str
    kind: Kind
    licence: str
    url: str = ""
    rows: int | None = None


@dataclass(frozen=True)
class LicenceVerdict:
    """Whether one component lets the product be sold, and why."""

    component: Component
    allowed: bool
    reason: str

    def row(self) -> dict[str, Any]:
        """A flat row for tables."""
        return {**asdict(self.component), "allowed": self.allowed, "reason": self.reason}


@dataclass(frozen=True)
class Rule:
    """What licences of a pattern permit (lower case, `*` as in file names)."""

    pattern: str
    ruling: Ruling
    reason: str


KEEP_NOTICE = "permits sale; its notice is kept"
RULES: tuple[Rule, ...] = (
    Rule("licenseref-project", "allow", "the project's own work"),
    Rule("cc0-1.0", "allow", "dedicated to the public domain"),
    Rule("unlicense", "allow", "dedicated to the public domain"),
    Rule("0bsd", "allow", "permits sale without conditions"),
    *(
        Rule(name, "allow", KEEP_NOTICE)
        for name in (
            "apache-2.0", "mit", "mit-0", "mit-cmu", "hpnd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "bsl-1.0", "psf-2.0",
            "python-2.0", "python-2.0.1", "cdla-permissive-2.0", "unicode-3.0",
        )
    ),
    Rule("cc-by-[234].0", "attribute", "permits sale with attribution"),
    Rule("odc-by-1.0", "attribute", "permits sale with attribution"),
    Rule("mpl-2.0", "acknowledge", "its files stay under MPL-2.0 and their source must be offered"),
    Rule("cc-by-sa-[234].0", "acknowledge", "share-alike: what is adapted from it must carry the same licence"),
    Rule("gemma", "acknowledge", "Gemma's terms pass a use policy on to every buyer"),
    Rule("llama*", "acknowledge", "Llama's community licence asks for its notice, its name and a limit on users"),
    Rule("*openrail*", "acknowledge", "its use restrictions must be passed on to every buyer"),
    Rule("qwen-research", "refuse", "the Qwen research licence forbids commercial use"),
    Rule("cc-by-nc*", "refuse", "non-commercial: it may not be sold"),
    Rule("cc-by-nd*", "refuse", "no derivatives: it may not be trained on and sold"),
    Rule("agpl-*", "refuse", "copyleft: weights and data made from it would have to be given away under the AGPL"),
    Rule("gpl-*", "refuse", "copyleft: weights and data made from it would have to be given away under the GPL"),
    Rule("lgpl-*", "refuse", "copyleft: data made from it would have to be given away under the LGPL"),
)  # fmt: skip
UNKNOWN = Rule("*", "refuse", "unknown licence: find out what it permits and name it by its SPDX id")
ALIASES = {
    "apache 2.0": "apache-2.0", "apache license 2.0": "apache-2.0", "mit license": "mit", "psf": "psf-2.0", "cc0": "cc0-1.0",
    "gemma terms of use": "gemma", "licenseref-gemma": "gemma", "licenseref-qwen-research": "qwen-research",
    "qwen research": "qwen-research", "qwen research license": "qwen-research", "llama community license": "llama",
}  # fmt: skip


def judge_licences(components: Sequence[Component], terms: LicenseTerms) -> tuple[LicenceVerdict, ...]:
    """One verdict a component, in their order."""
    return tuple(_judge(component, terms) for component in components)


def require_sellable(components: Sequence[Component], terms: LicenseTerms, product: str) -> tuple[LicenceVerdict, ...]:
    """The verdicts, if all of them permit the sale.

    Raises:
        LicenceError: with every component that does not, and why.
    """
    verdicts = judge_licences(components, terms)
    refused = [
        f"{verdict.component.kind} {verdict.component.name} ({verdict.component.licence or 'no licence'}): {verdict.reason}"
        for verdict in verdicts
        if not verdict.allowed
    ]
    if refused:
        raise LicenceError(
            f"{product} may not be sold under {terms.name}: {'; '.join(refused)}; replace what is refused"
        )
    return verdicts


def _judge(component: Component, terms: LicenseTerms) -> LicenceVerdict:
    rule = _rule_of_expression(component.licence)
    if rule.ruling == "acknowledge":
        accepted = {_canonical(name) for name in terms.acknowledged}
        if _canonical(component.licence) in accepted:
            return LicenceVerdict(component, True, f"acknowledged by the seller: {rule.reason}")
        return LicenceVerdict(
            component, False, f"{rule.reason}; add {component.licence} to license_terms.acknowledged to accept that"
        )
    if rule.ruling == "attribute" and not component.url:
        return LicenceVerdict(component, False, f"{rule.reason}, and there is no address to attribute it to")
    return LicenceVerdict(component, rule.ruling != "refuse", rule.reason)


def _canonical(licence: str) -> str:
    plain = " ".join(licence.casefold().split())
    return ALIASES.get(plain, plain)


def _rule_of(licence: str) -> Rule:
    name = _canonical(licence)
    return next((rule for rule in RULES if fnmatchcase(name, rule.pattern)), UNKNOWN)


def _rule_of_expression(licence: str) -> Rule:
    """The rule of an SPDX expression: the mildest side of OR, the strictest side of AND."""
    from license_expression import ExpressionError, Licensing  # type: ignore[import-untyped]

    if _canonical(licence) in ALIASES.values() or not licence.strip():
        return _rule_of(licence)
    try:
        tree = Licensing().parse(licence)
    except (ExpressionError, ValueError):
        return _rule_of(licence)
    return _rule_of_tree(tree)


def _rule_of_tree(tree: Any) -> Rule:
    sides = getattr(tree, "args", ())
    if not sides:
        return _rule_of(tree.render("{symbol.key}"))
    rules = sorted((_rule_of_tree(side) for side in sides), key=lambda rule: STRENGTH.index(rule.ruling))
    return rules[0] if tree.operator.strip() == "OR" else rules[-1]
