"""The deployment section of a recipe: quantisation, the server, the checks of a rollout."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SmokeTest(BaseModel):
    """One request and what its answer must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1)
    expect: dict[str, str] = Field(default={}, description="keys and values that the JSON answer must have")
    contains: str = Field(default="", description="words that a text answer must have")


class DeploymentConfig(BaseModel):
    """How the judged file comes to serve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")
    quantization: Literal["auto", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16"] = "Q4_K_M"
    quantization_tolerance: float = Field(
        default=0.97, ge=0, le=1, description="least share of answers equal to those of F16"
    )
    ollama_url: str = "http://localhost:11434"
    embedded_server: bool = Field(default=True, description="serve without Ollama where none answers")
    rollback_on_failure: bool = True
    keep_versions: int = Field(default=3, ge=1)
    health_timeout_s: float = Field(default=60, gt=0)
    health_attempts: int = Field(default=3, ge=1)
    smoke_tests: tuple[SmokeTest, ...] = ()
    temperature: float = Field(default=0.0, ge=0)
    num_ctx: int = Field(default=1024, ge=128)
    num_predict: int = Field(default=128, ge=1)
    stop: tuple[str, ...] = ()
    gateway_port: int = Field(default=8080, ge=1, le=65535)
