from typing import Any

import pytest

from llmops_assets.errors import NotificationError
from llmops_assets.notifying.configured import configured, ui_url, wanted_but_missing
from llmops_assets.notifying.mail import Mail
from llmops_assets.recipes.monitoring import MonitoringConfig

SLACK = {"LLMOPS_SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x"}
HOOK = {"LLMOPS_WEBHOOK_URL": "http://n8n:5678/hook", "LLMOPS_WEBHOOK_SECRET": "s3cr3t"}
READERS = {"email_to": "ops@example.org", "smtp_smarthost": "mail.example.org:587"}


def section(*channels: str, **settings: Any) -> MonitoringConfig:
    return MonitoringConfig.model_validate({"alert_channels": channels, "channels": settings})


@pytest.mark.parametrize(
    ("config", "environment", "names"),
    [
        (section(), {}, []),
        (section(), SLACK, ["slack"]),
        (section("email", **READERS), {}, ["email"]),
        (section("email", smtp_username="llmops", **READERS), {}, []),
        (section("email", smtp_username="llmops", **READERS), {"LLMOPS_SMTP_PASSWORD": "s3cr3t"}, ["email"]),
        (section("email", **READERS), {**SLACK, **HOOK}, ["slack", "email", "webhook"]),
    ],
)
def test_channels_are_what_recipe_and_environment_name(
    config: MonitoringConfig, environment: dict[str, str], names: list[str]
) -> None:
    found = configured(config, environment)
    assert [channel.name for channel in found.channels] == names
    assert set(found.missing) == {"slack", "email", "webhook"} - set(names)


def test_a_channel_that_the_recipe_asks_for_and_that_lacks_something_is_named() -> None:
    config = section("slack", "email", smtp_username="llmops", **READERS)
    assert wanted_but_missing(config, configured(config, {})) == {
        "slack": "LLMOPS_SLACK_WEBHOOK_URL is not set",
        "email": "LLMOPS_SMTP_PASSWORD is not set, and the recipe names an smtp_username",
    }


def test_mail_is_as_the_recipe_says_and_its_password_from_the_environment() -> None:
    config = section("email", smtp_username="llmops", **READERS)
    found = configured(config, {"LLMOPS_SMTP_PASSWORD": "s3cr3t"})
    assert found.channels == (Mail("mail.example.org", 587, "llmops@localhost", "ops@example.org", "llmops", "s3cr3t"),)
    assert "s3cr3t" not in repr(found)


@pytest.mark.parametrize(
    "value",
    [
        "hooks.slack.com/s3cr3t",
        "http://hooks.slack.com/s3cr3t",
        "https://ana:s3cr3t@example.org/",
        "https://example.org:s3cr3t/",
        "https:///s3cr3t",
        "file:///s3cr3t",
        "https://example.org/s3cr3t x",
    ],
)
def test_a_wrong_address_is_one_line_that_does_not_show_it(value: str) -> None:
    with pytest.raises(NotificationError) as caught:
        configured(section(), {"LLMOPS_SLACK_WEBHOOK_URL": value})
    assert "expected an https address in LLMOPS_SLACK_WEBHOOK_URL" in str(caught.value)
    assert "s3cr3t" not in f"{caught.value}{caught.value.__context__}"


def test_links_begin_with_the_address_of_the_environment() -> None:
    assert ui_url({}) == "http://127.0.0.1:3000"
    assert ui_url({"LLMOPS_UI_URL": "https://dagster.example.org/"}) == "https://dagster.example.org"
