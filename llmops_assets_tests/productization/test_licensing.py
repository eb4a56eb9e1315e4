"""The licence gate."""

import pytest

from llmops_assets.errors import LicenceError
from llmops_assets.productization.licensing import Component, judge_licences, require_sellable
from llmops_assets.recipes.product import LicenseTerms

TERMS = LicenseTerms()
LINK = "https://example.org/it"


def allowed(licence: str, *, acknowledged: tuple[str, ...] = (), url: str = LINK) -> bool:
    terms = LicenseTerms(acknowledged=acknowledged)
    return judge_licences([Component("it", "data set", licence, url)], terms)[0].allowed


@pytest.mark.parametrize(
    "licence",
    [
        "Apache-2.0", "apache-2.0", "Apache License 2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "PSF-2.0", "ISC", "CC0-1.0",
        "CC-BY-4.0", "LicenseRef-Project", "MIT OR GPL-3.0-only", "Apache-2.0 AND MIT", "(MIT OR AGPL-3.0-only) AND ISC",
    ],
)  # fmt: skip
def test_a_permissive_licence_may_be_sold(licence: str) -> None:
    assert allowed(licence)


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("Qwen-Research", "research"),
        ("qwen research license", "research"),
        ("CC-BY-NC-4.0", "non-commercial"),
        ("CC-BY-NC-SA-3.0", "non-commercial"),
        ("CC-BY-ND-4.0", "no derivatives"),
        ("GPL-3.0-only", "copyleft"),
        ("AGPL-3.0-or-later", "copyleft"),
        ("LGPL-2.1-only", "copyleft"),
        ("MIT AND GPL-2.0-only", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "copyleft"),
        ("", "unknown"),
        ("other", "unknown"),
        ("My Own Licence, see README", "unknown"),
        ("MIT OR", "unknown"),
        ("Gemma Terms of Use", "acknowledged"),
        ("gemma", "acknowledged"),
        ("llama3.2", "acknowledged"),
        ("CC-BY-SA-4.0", "acknowledged"),
        ("bigscience-openrail-m", "acknowledged"),
    ],
)
def test_any_other_licence_is_refused_with_its_reason(licence: str, why: str) -> None:
    (verdict,) = judge_licences([Component("it", "base model", licence, LINK)], TERMS)
    assert not verdict.allowed
    assert why in verdict.reason


@pytest.mark.parametrize(
    ("licence", "named"), [("gemma", "Gemma"), ("llama3.2", "llama3.2"), ("Gemma Terms of Use", "gemma")]
)
def test_special_terms_are_allowed_once_acknowledged_by_name(licence: str, named: str) -> None:
    assert allowed(licence, acknowledged=(named,))


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "qwen-research", "GPL-3.0-only", "other"])
def test_what_is_forbidden_cannot_be_acknowledged(licence: str) -> None:
    assert not allowed(licence, acknowledged=(licence,))


def test_acknowledging_one_licence_does_not_acknowledge_another() -> None:
    assert not allowed("llama3.2", acknowledged=("llama3.1", "gemma"))


def test_attribution_needs_an_address() -> None:
    assert not allowed("CC-BY-4.0", url="")


def test_the_refusal_names_every_component_that_is_in_the_way() -> None:
    parts = [
        Component("Qwen2.5-3B", "base model", "qwen-research", LINK),
        Component("own rows", "data set", "LicenseRef-Project"),
        Component("web chats", "data set", "CC-BY-NC-4.0", LINK),
    ]
    with pytest.raises(LicenceError, match=r"TaskMaster may not be sold.*Qwen2\.5-3B.*web chats") as caught:
        require_sellable(parts, TERMS, "TaskMaster")
    assert "own rows" not in str(caught.value)
