"""The models that a GGUF file was made from, as far as they still lie in the store."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lineage:
    """What the stages before the shipped file are asked by.

    Attributes:
        base: the base model's name, for the adapter to be put on.
        cache: where bases lie in the form that training wants.
        model_name: the name inside the GGUF file.
        f16_sha256: of the F16 file that the export made and did not keep.
        folders: model folder, or adapter folder, by stage: adapter, merged, dpo.
        digests: of their artifacts, by stage.
        missing: why a stage cannot be asked, by stage.
    """

    base: str = ""
    cache: str = ""
    model_name: str = ""
    f16_sha256: str = ""
    folders: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
