"""The `retention` section of a recipe: what `llmops gc` leaves on the disk of what a product has made."""

from pydantic import BaseModel, ConfigDict, Field


class RetentionConfig(BaseModel):
    """What serves, what served before it, and what these name always stay; reports, manifests and verdicts too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    versions: int = Field(default=2, ge=1, description="so many newest versions of every asset stay whole")
    bundles: int = Field(default=12, ge=1, description="so many newest bundles stay, with all that they name")
    runs: int = Field(default=100, ge=1, description="so many newest runs stay in Dagster's records")
