"""A key and one finished bundle, made once: most tests only look at it or break a copy of it."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llmops_assets.productization.archive import safe_extract
from llmops_assets.productization.packaging import BundleResult, build_bundle
from llmops_assets_tests.productization.made_product import made_inputs, made_product


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    """The seller's key."""
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory, key: Ed25519PrivateKey) -> BundleResult:
    """A finished bundle; not to be changed."""
    folder = tmp_path_factory.mktemp("bundle")
    return build_bundle(folder, product=made_product(), inputs=made_inputs(folder / "in"), key=key)


@pytest.fixture(scope="session")
def shared_tree(tmp_path_factory: pytest.TempPathFactory, bundle: BundleResult) -> Path:
    """The unpacked bundle; not to be changed."""
    return safe_extract(bundle.archive, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def tree(tmp_path: Path, bundle: BundleResult) -> Path:
    """An unpacked bundle of one's own."""
    return safe_extract(bundle.archive, tmp_path / "unpacked")
