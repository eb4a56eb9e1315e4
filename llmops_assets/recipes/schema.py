"""The whole recipe: what a product is. One section a stage; every key typed, unknown keys refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from llmops_assets.gates import Gate
from llmops_assets.recipes.data import DataConfig
from llmops_assets.recipes.deployment import DeploymentConfig
from llmops_assets.recipes.evaluation import EvaluationConfig
from llmops_assets.recipes.guard import GuardConfig
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets.recipes.product import ProductConfig
from llmops_assets.recipes.retention import RetentionConfig
from llmops_assets.recipes.training import TrainingConfig


class Recipe(BaseModel):
    """One product, from its data to its price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline_id: str = Field(min_length=1, description="names the pipeline in results and logs")
    task: Literal["command", "code_review", "docstring"] = Field(description="what the model does and how it is judged")
    data: DataConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    deployment: DeploymentConfig
    guard: GuardConfig = GuardConfig()
    monitoring: MonitoringConfig
    product: ProductConfig
    retention: RetentionConfig = RetentionConfig()

    stop_on_failure: bool = Field(
        default=True, description="a failed stage stops the run; false goes on where inputs allow"
    )
    save_intermediate: bool = Field(
        default=True, description="false drops adapter, merged and F16 files once the bundle stands"
    )
    parallel_evaluation: bool = Field(default=True, description="false asks one case at a time")

    @property
    def name(self) -> str:
        """The product's name: the partition key."""
        return self.product.product_name

    def evaluation_gates(self) -> tuple[Gate, ...]:
        """The gates of the evaluation report."""
        return tuple(Gate(**threshold.model_dump()) for threshold in self.evaluation.gates())
