"""The bill of materials in CycloneDX: the model, what it was made from, and the packages that serve it."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from llmops_assets.productization.inputs import BundleInputs
from llmops_assets.productization.licensing import Component as Part
from llmops_assets.productization.runtime import Requirement
from llmops_assets.recipes.product import ProductConfig


def write_sbom(product: ProductConfig, inputs: BundleInputs, needed: Sequence[Requirement], epoch: int) -> str:
    """CycloneDX 1.6 JSON; the same inputs give the same text, serial number included."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.output.json import JsonV1Dot6

    model = _model(product, inputs)
    parts = [_part(part) for part in inputs.components]
    packages = [_package(requirement) for requirement in needed]
    bom = Bom(
        components=[*parts, *packages],
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{product.slug}:{product.version}:{inputs.gguf_sha256}"),
        metadata=BomMetaData(component=model, timestamp=datetime.fromtimestamp(epoch, UTC)),
    )
    bom.register_dependency(model, [*parts, *packages])
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _model(product: ProductConfig, inputs: BundleInputs) -> Any:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalEntity
    from cyclonedx.model.license import DisjunctiveLicense

    return Component(
        name=product.product_name,
        version=product.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{product.slug}",
        description=product.tagline,
        supplier=OrganizationalEntity(name=product.seller),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=inputs.gguf_sha256)],
        licenses=[DisjunctiveLicense(name=product.license_terms.name)],
    )


def _part(part: Part) -> Any:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.component import Component, ComponentType

    kind = ComponentType.MACHINE_LEARNING_MODEL if part.kind == "base model" else ComponentType.DATA
    links = [ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(part.url))] if part.url else []
    return Component(
        name=part.name,
        type=kind,
        bom_ref=f"{part.kind}:{part.name}",
        licenses=_licences(part.licence),
        external_references=links,
    )


def _package(requirement: Requirement) -> Any:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        name=requirement.name,
        version=requirement.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"package:{requirement.name}",
        purl=PackageURL("pypi", None, requirement.name, requirement.version),
        licenses=_licences(requirement.licence),
    )


def _licences(licence: str) -> list[Any]:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return [LicenseFactory().make_from_string(licence)]
