"""The data section of a recipe: where records come from, how they are cleaned, split and paired."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class CleaningConfig(BaseModel):
    """Switches and parameters of the cleaning rules, in the order in which they run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    languages: tuple[str, ...] = ("en",)
    language_from_words: int = Field(
        default=12, ge=1, description="shorter texts say too little to tell their language"
    )
    redact: bool = True
    pii_allowed: tuple[str, ...] = Field(
        default=(), description="kinds that the product's job involves: email, phone, ..."
    )
    near_duplicate_threshold: float = Field(default=0.9, gt=0, le=1, description="Jaccard of 3-character shingles")
    minimum_quality: float = Field(default=0.3, ge=0, le=1)


class DataConfig(BaseModel):
    """From raw files to datasets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    raw_data_path: str = Field(
        default="", description="the folder of the raw files, from the project; empty: data/raw/<product>"
    )
    output_path: str = Field(
        default="", description="an extra copy of the green datasets goes here; empty: only the store has them"
    )
    train_split: float = Field(default=0.9, gt=0, lt=1)
    cleaning: CleaningConfig = CleaningConfig()
    max_tokens: int = Field(default=256, ge=8, description="longer records are rejected")
    min_tokens: int = Field(default=2, ge=1)
    max_duplicate_share: float = Field(default=0.05, ge=0, le=1)
    coverage_minima: dict[str, int] = Field(default={}, description="least records a category")
    licences: tuple[str, ...] = Field(
        default=(
            "Apache-2.0",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "CC0-1.0",
            "ISC",
            "LicenseRef-Project",
            "MIT",
            "PSF-2.0",
        ),
        description="licences that allow the sale of what is trained on the record",
    )
    composed_rows: int = Field(default=0, ge=0, description="records composed around people's own; 0: none")
    preference_pairs: int = Field(default=240, ge=0)
    preference_legitimate_share: float = Field(default=0.15, ge=0, le=1)
    preference_own_share: float = Field(
        default=0.3, ge=0, le=0.8, description="at most so much of the pairs has an answer that a fine-tuned model gave"
    )
    seed: int = 7

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the datasets: where files lie does not."""
        return self.model_dump(mode="json", exclude={"raw_data_path", "output_path"})
