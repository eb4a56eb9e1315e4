"""The `training` section of a recipe: the base model, SFT, DPO, LoRA, checkpoints, and what must hold afterwards."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LoraSettings(BaseModel):
    """The shape of the adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rank: int = Field(default=16, ge=1, le=512)
    alpha: int = Field(default=32, ge=1, description="the adapter's output is scaled by alpha / rank")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | Literal["all-linear"] = Field(
        default="all-linear", min_length=1, description="names of layers, or all linear layers but the head"
    )


class TrainingTolerances(BaseModel):
    """What the checks after SFT, merge and DPO hold the numbers against."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    merge_logit_gap: float = Field(
        default=1e-2, gt=0, description="largest |merged - adapter| over all logits of a probe"
    )
    final_over_best: float = Field(default=1.1, ge=1, description="validation loss at the end / its best value")
    dpo_start_gap: float = Field(default=1e-3, gt=0, description="distance of the first DPO loss from ln 2")
    chosen_logprob_drop: float = Field(
        default=0.25,
        ge=0,
        description="the chosen answer's mean log-probability a token may fall by so much (nats)",
    )
    dpo_validation_loss_rise: float = Field(
        default=0.15,
        ge=0,
        description="the SFT validation loss may rise by so much through DPO (nats a token)",
    )


class TrainingConfig(BaseModel):
    """One supervised fine-tuning and one preference optimisation on top of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_model: str = Field(min_length=1, description="smollm2-135m, a folder, a .gguf file, or a name on the hub")
    output_dir: str = Field(default="", description="an extra copy of the final model goes here; empty: only the store")
    backend: Literal["auto", "transformers", "unsloth"] = "auto"
    seed: int = Field(default=42, ge=0)
    max_length: int = Field(default=512, ge=16, description="tokens of a row; longer rows are left out and counted")
    lora: LoraSettings = LoraSettings()

    sft_epochs: int = Field(default=3, ge=1)
    sft_batch_size: int = Field(default=4, ge=1, description="rows an optimizer step")
    sft_learning_rate: float = Field(default=2e-4, gt=0, lt=1)
    scheduler: Literal["linear", "cosine", "constant"] = "linear"
    warmup_ratio: float = Field(default=0.06, ge=0, lt=1)

    dpo_epochs: int = Field(default=1, ge=0, description="0: no DPO, the SFT model goes on")
    dpo_pairs: int = Field(default=0, ge=0, description="so many of the training pairs, evenly chosen; 0: all of them")
    dpo_batch_size: int = Field(default=8, ge=1, description="pairs an optimizer step")
    dpo_learning_rate: float = Field(default=5e-5, gt=0, lt=1)
    dpo_beta: float = Field(default=0.1, gt=0)
    ship_sft_if_dpo_fails: bool = Field(default=False, description="else a DPO that fails its checks blocks")

    checkpoint_every_n_steps: int = Field(default=50, ge=1)
    validation_split: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="share of the training rows held out where no validation file is given",
    )
    validation_rows: int = Field(default=64, ge=1, description="rows of the validation set measured while training")
    validation_points: int = Field(default=2, ge=1, description="measurements after the one of the base, evenly spread")
    early_stop_patience: int = Field(default=0, ge=0, description="measurements without improvement; 0: never")
    early_stop_delta: float = Field(default=0.0, ge=0, description="a smaller gain counts as none")
    tolerances: TrainingTolerances = TrainingTolerances()
