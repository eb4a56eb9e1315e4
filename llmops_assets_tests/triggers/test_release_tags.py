"""Which tags name a version, of which product, and in which order."""

import pytest

from llmops_assets.triggers.release_tags import notice_tags, version_tags

PRODUCTS = ("TaskMaster", "Doc-Writer_2")


@pytest.mark.parametrize(
    ("name", "version", "product"),
    [
        ("v1.2.0", "1.2.0", ""),
        ("v1.2.0-rc1", "1.2.0-rc1", ""),
        ("TaskMaster-v1.2.0", "1.2.0", "TaskMaster"),
        ("taskmaster-v1.2.0", "1.2.0", "taskmaster"),
        ("Doc-Writer_2-v10.0.1", "10.0.1", "Doc-Writer_2"),
    ],
)
def test_a_version_tag(name: str, version: str, product: str) -> None:
    (tag,) = version_tags({f"refs/tags/{name}": "ab12"})
    assert (tag.version, tag.product, tag.commit) == (version, product, "ab12")
    assert notice_tags('{"tags": {}}', {f"refs/tags/{name}": "ab12"}, PRODUCTS).new == (tag,)


@pytest.mark.parametrize(
    "name", ["v1.2", "1.2.0", "release-1.2.0", "Nobody-v1.2.0", "v01.2.0", "v1.2.0+build", "-v1.2.0", "v1.2.0/x"]
)
def test_no_version_tag_of_ours(name: str) -> None:
    assert notice_tags('{"tags": {}}', {f"refs/tags/{name}": "ab12"}, PRODUCTS).new == ()


def test_an_annotated_tag_stands_for_its_commit_and_the_lowest_version_comes_first() -> None:
    refs = {
        "refs/tags/v1.10.0": "c3",
        "refs/tags/v1.9.0": "tag object",
        "refs/tags/v1.9.0^{}": "c2",
        "refs/tags/v1.2.0": "c1",
    }
    assert [(tag.version, tag.commit) for tag in version_tags(refs)] == [
        ("1.2.0", "c1"),
        ("1.9.0", "c2"),
        ("1.10.0", "c3"),
    ]
