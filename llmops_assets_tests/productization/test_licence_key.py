"""Licence keys: issued, read back, refused."""

import json
from dataclasses import replace
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.errors import LicenceError
from llmops_assets.productization.licence_key import LicenceKey, issue_key, read_key
from llmops_assets.productization.pricing import licence_for
from llmops_assets.productization.signing import public_pem
from llmops_assets_tests.productization.made_product import made_product

SALE = LicenceKey("TaskMaster", "Starter", "Müller & Söhne", 1, 10_000, "2027-03-31")


def read(token: str, key: Ed25519PrivateKey, *, product: str = "TaskMaster", today: str = "2027-03-31") -> LicenceKey:
    return read_key(token, public_pem(key.public_key()), product=product, today=date.fromisoformat(today))


def test_what_is_issued_is_read_back(key: Ed25519PrivateKey) -> None:
    assert read(issue_key(SALE, key), key) == SALE


def test_it_holds_on_its_last_day_and_not_after(key: Ed25519PrivateKey) -> None:
    with pytest.raises(LicenceError, match="ended on 2027-03-31"):
        read(issue_key(SALE, key), key, today="2027-04-01")


def test_a_key_of_another_product_is_refused(key: Ed25519PrivateKey) -> None:
    with pytest.raises(LicenceError, match="got one for TaskMaster"):
        read(issue_key(SALE, key), key, product="DocWriter")


def test_a_key_signed_by_somebody_else_is_refused(key: Ed25519PrivateKey) -> None:
    with pytest.raises(LicenceError, match="not signed by this product's seller"):
        read(issue_key(SALE, Ed25519PrivateKey.generate()), key)


def test_a_better_tier_cannot_be_written_into_a_key(key: Ed25519PrivateKey) -> None:
    good = issue_key(SALE, key).split(".")
    better = issue_key(replace(SALE, requests_per_month=None), Ed25519PrivateKey.generate()).split(".")
    with pytest.raises(LicenceError, match="was changed"):
        read(f"{good[0]}.{better[1]}.{good[2]}", key)


@pytest.mark.parametrize("token", ["", "LK1", "LK1.a.b", "LK2.e30.e30", "no key at all", "LK1.é.é"])
def test_a_damaged_key_is_refused_in_one_line(token: str, key: Ed25519PrivateKey) -> None:
    with pytest.raises(LicenceError) as caught:
        read(token, key)
    assert "\n" not in str(caught.value)


def test_every_changed_character_is_noticed(key: Ed25519PrivateKey) -> None:
    token = issue_key(SALE, key)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(LicenceError):
            read(token[:place] + other + token[place + 1 :], key)


def test_a_key_without_customer_or_end_is_not_issued(key: Ed25519PrivateKey) -> None:
    for wrong in (replace(SALE, customer=" "), replace(SALE, expires="for ever")):
        with pytest.raises(LicenceError):
            issue_key(wrong, key)


def test_a_licence_carries_the_limits_of_its_tier() -> None:
    licence = licence_for(made_product(), "Professional", customer="Acme", start=date(2026, 12, 1))
    assert (licence.deployments, licence.requests_per_month, licence.expires) == (5, 100_000, "2027-11-30")
    with pytest.raises(LicenceError, match="Starter, Professional, Enterprise"):
        licence_for(made_product(), "Gold", customer="Acme", start=date(2026, 12, 1))


@pytest.mark.parametrize(("limit", "used", "more"), [(10, 9, True), (10, 10, False), (None, 10**9, True)])
def test_the_quota_counts_to_its_limit(limit: int | None, used: int, more: bool) -> None:
    assert replace(SALE, requests_per_month=limit).allows_request(used) is more


def test_the_payload_is_readable_by_its_owner(key: Ed25519PrivateKey) -> None:
    from llmops_assets.productization.licence_key import _decode

    assert json.loads(_decode(issue_key(SALE, key).split(".")[1]))["customer"] == "Müller & Söhne"
