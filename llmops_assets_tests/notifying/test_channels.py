import hashlib
import hmac
import json
from typing import Any

from llmops_assets.notifying.channels import Slack, Webhook, slack_text
from llmops_assets.notifying.message import Message
from llmops_assets_tests.notifying.listening import http_server

ROW = {
    "metric": "accuracy",
    "value": 0.62,
    "threshold": ">= 0.85",
    "n": 503,
    "low": 0.577,
    "high": 0.662,
    "blocking": True,
    "outcome": "failed",
    "reason": "accuracy 0.62, wanted >= 0.85",
}


def message(**changed: Any) -> Message:
    values: dict[str, Any] = {
        "event": "gate_failed",
        "product": "TaskMaster",
        "version": "1.1.0",
        "headline": "red: accuracy of eval_report",
        "at": "2026-11-29T03:10:00+00:00",
        "details": ("accuracy 0.62, wanted >= 0.85",),
        "gates": (ROW,),
        "link": "http://127.0.0.1:3000/assets/eval_report",
    }
    return Message(**{**values, **changed})


def test_slack_gets_product_version_gates_and_a_link() -> None:
    with http_server() as server:
        assert Slack(f"{server.url}/services/x").deliver(message()).problem == ""
    (text,) = json.loads(server.received[0].body).values()
    first, second, *rest = text.splitlines()
    assert first == "*TaskMaster 1.1.0: red: accuracy of eval_report*"
    assert second == "accuracy 0.62, wanted &gt;= 0.85"
    assert rest[-1] == "<http://127.0.0.1:3000/assets/eval_report|Look at it>"
    assert [line.split() for line in rest[2:3]] == [
        ["accuracy", "0.620", "&gt;=", "0.85", "503", "0.577", "to", "0.662", "failed"]
    ]


def test_words_of_an_error_are_no_markup_of_slack() -> None:
    assert "&lt;!channel&gt; &amp; more" in slack_text(message(details=("<!channel> & more",)))


def test_a_webhook_gets_the_message_as_json_with_a_signature_that_its_receiver_can_check() -> None:
    with http_server() as server:
        Webhook(server.url, secret="s3cr3t").deliver(message())
    (got,) = server.received
    stamp = got.headers["X-LLMOps-Timestamp"]
    wanted = hmac.new(b"s3cr3t", stamp.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-LLMOps-Signature-256"] == f"sha256={wanted}"
    sent = json.loads(got.body)
    assert sent["id"] == got.headers["X-LLMOps-Id"] == message().id
    assert (sent["event"], sent["product"], sent["version"], sent["gates"]) == (
        "gate_failed",
        "TaskMaster",
        "1.1.0",
        [ROW],
    )


def test_a_webhook_without_a_secret_is_not_signed() -> None:
    with http_server() as server:
        Webhook(server.url).deliver(message())
    assert "X-LLMOps-Signature-256" not in server.received[0].headers


def test_no_secret_is_in_what_a_channel_says_of_itself() -> None:
    channels = [Slack("https://hooks.slack.com/services/s3cr3t"), Webhook("https://a.example:8443/s3cr3t", "s3cr3t")]
    assert "s3cr3t" not in "".join(f"{channel!r}{channel.target}" for channel in channels)
    assert [channel.target for channel in channels] == ["https://hooks.slack.com/***", "https://a.example:8443/***"]


def test_a_message_survives_being_kept_as_json() -> None:
    assert Message.of(json.loads(json.dumps(message().to_json()))) == message()


def test_an_endless_or_broken_line_is_one_short_line() -> None:
    long = message(headline="a\nb " * 1000, details=("x\r\ny",) * 25)
    assert (len(long.title), long.lines[0], long.lines[-1]) == (300, "x y", "and 5 more")
