"""Every error that this project raises on purpose.

LLMOpsError
├── RecipeError          a recipe is missing, unreadable or wrong
├── DataError            input data are missing, corrupt or unusable
│   └── DataBranchError        the repository that data come from cannot be read
├── StoreError           an artifact is missing or cannot be written
│   └── ArtifactCorruptError   what is read back is not what was written
├── NotStartedError      a step was left out, because another had failed
├── StageProcessError    a stage's child process died or was killed
├── TrainingError        a training cannot start, or went wrong
├── ExportError          a GGUF file could not be written, quantised or read back
├── ServingError         a model server did not start or answer
├── EvaluationError      an evaluation could not be carried out (a low score is no error)
│   ├── JudgeError             the judge model does not answer; the evaluation goes on without it
│   └── JudgeReplyError        a reply of the judge model cannot be read; that case is unscored
├── GateError            something was asked for that a gate forbids
├── DeploymentError      a rollout failed; what served before still serves
├── MonitoringError      a monitoring profile or drift report could not be made
├── NotificationError    a channel's settings are wrong (one that does not answer is no error)
├── LicenceError         a sale would break a licence
├── PackagingError       a bundle could not be built or does not verify
└── SkillError           the skill cannot be put into a project

A message is one line: what was expected, what came, for which product, and what to do.
"""


class LLMOpsError(RuntimeError):
    """The root: the command line prints its message as one line and exits with 1."""


class RecipeError(LLMOpsError):
    """A recipe is missing, unreadable or wrong."""


class DataError(LLMOpsError):
    """Input data are missing, corrupt or unusable."""


class DataBranchError(DataError):
    """The repository that data come from cannot be read."""


class StoreError(LLMOpsError):
    """An artifact is missing or cannot be written."""


class ArtifactCorruptError(StoreError):
    """What is read back is not what was written."""


class NotStartedError(LLMOpsError):
    """A step was left out, because another had failed."""


class StageProcessError(LLMOpsError):
    """A stage's child process died or was killed."""


class TrainingError(LLMOpsError):
    """A training cannot start, or went wrong."""


class ExportError(LLMOpsError):
    """A GGUF file could not be written, quantised or read back."""


class ServingError(LLMOpsError):
    """A model server did not start or answer."""


class EvaluationError(LLMOpsError):
    """An evaluation could not be carried out. A low score is no error."""


class JudgeError(EvaluationError):
    """The judge model does not answer; the evaluation goes on without it."""


class JudgeReplyError(EvaluationError):
    """A reply of the judge model cannot be read; that case is unscored."""


class GateError(LLMOpsError):
    """Something was asked for that a gate forbids."""


class DeploymentError(LLMOpsError):
    """A rollout failed; what served before still serves."""


class MonitoringError(LLMOpsError):
    """A monitoring profile or drift report could not be made."""


class NotificationError(LLMOpsError):
    """A channel's settings are wrong. One that does not answer is no error."""


class LicenceError(LLMOpsError):
    """A sale would break a licence."""


class PackagingError(LLMOpsError):
    """A bundle could not be built or does not verify."""


class SkillError(LLMOpsError):
    """The skill cannot be put into a project."""
