"""The resources, the executor and the loggers that all runs use."""

import logging
import sys

import dagster as dg

from llmops_assets.resources.executors import chosen_executor
from llmops_assets.resources.notifier import NotifierResource
from llmops_assets.resources.workshop import WorkshopResource


class _Said(logging.Filter):
    """Lets through what the steps themselves say, not Dagster's own events."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "dagster_event", None) is None and "orig_message" in getattr(record, "dagster_meta", {})


class _Plain(logging.Formatter):
    """The line as the step said it, behind the step's name."""

    def format(self, record: logging.LogRecord) -> str:
        meta = record.dagster_meta  # type: ignore[attr-defined]
        return f"[{meta.get('step_key') or 'run'}] {meta['orig_message']}"


def _plain_logger(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("llmops progress", logging.INFO)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Plain())
    handler.addFilter(_Said())
    logger.addHandler(handler)
    return logger


PROGRESS = dg.LoggerDefinition(_plain_logger, description="One plain line for each thing a step says; `llmops run`'s.")


@dg.definitions
def resources() -> dg.Definitions:
    """One resource, the executor that LLMOPS_EXECUTOR names, and the loggers."""
    return dg.Definitions(
        resources={"workshop": WorkshopResource(), "notifier": NotifierResource()},
        executor=chosen_executor(),
        loggers={"console": dg.colored_console_logger, "progress": PROGRESS},
    )
