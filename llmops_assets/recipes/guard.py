"""The guard's part of a recipe: whether a classifier stands in front of the model, and how it is trained."""

from pydantic import BaseModel, ConfigDict, Field


class GuardConfig(BaseModel):
    """Input rules always; the classifier only where the product has harmful and legitimate rows to train it on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    classifier: bool = Field(default=False, description="train and use the classifier")
    epochs: int = Field(default=4, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-4, gt=0, lt=1)
    easy_loss: float = Field(
        default=0.05, ge=0, description="a row whose loss (nats) was below this rests for the next epoch; 0: none rests"
    )
    disguised_share: float = Field(
        default=0.2, ge=0, le=1, description="share of the training rows that an epoch shows in odd spelling"
    )
    false_block_target: float = Field(
        default=0.03,
        ge=0,
        le=1,
        description="share of the harmless validation rows that sound harmful which it may block",
    )
    miss_target: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of the harmful validation rows of which it may be sure that they are harmless",
    )
    contrast_sources: tuple[str, ...] = Field(
        default=(), description="sources whose harmless rows sound harmful: all of them are used"
    )
    ordinary_left_out: tuple[str, ...] = Field(
        default=(),
        description="records whose id begins so lend no ordinary rows: the model learns from them, the guard does not",
    )
    ordinary_rows: int = Field(default=700, ge=1, description="so many of the other harmless rows, chosen by hash")
    seed: int = 0
