"""One incident, one message; what a channel did not take is owed; all of it over real HTTP."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmops_assets.errors import StoreError
from llmops_assets.notifying.channels import Channel, Webhook
from llmops_assets.notifying.message import Event
from llmops_assets.notifying.noticing import Look
from llmops_assets.notifying.telling import Teller
from llmops_assets_tests.notifying.listening import Answer, HttpServer, bodies, http_server

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)


@dataclass
class Listener:
    """A server, and a teller that is new for every tick, as after a restart."""

    server: HttpServer
    folder: Path
    event: Event = "gate_failed"
    said: list[str] = field(default_factory=list)

    def tick(self, *red: str, product: str = "TaskMaster", after: timedelta = timedelta()) -> str:
        channels: dict[str, list[Channel]] = {product: [Webhook(f"{self.server.url}/hook", pauses_s=())]}
        teller = Teller(self.folder / "ledger.json", channels, "http://ui", self.said.append, lambda: NOW + after)
        return teller.tell([Look(self.event, product, "1.1.0", {name: f"{name} is bad" for name in red}, page="/a")])

    @property
    def headlines(self) -> list[str]:
        return [body.split('"headline": "')[1].split('"')[0] for body in bodies(self.server.received)]


def test_what_stays_red_is_told_once_and_once_more_when_it_is_green(tmp_path: Path) -> None:
    with http_server() as server:
        listener = Listener(server, tmp_path)
        assert [listener.tick(*red) for red in (["accuracy"], ["accuracy"], [], [], ["accuracy"])] == [
            "1 told",
            "0 told",
            "1 told",
            "0 told",
            "1 told",
        ]
    assert listener.headlines == ["red: accuracy", "green again: accuracy", "red: accuracy"]
    assert [line.splitlines()[0] for line in listener.said] == [
        "TaskMaster 1.1.0: red: accuracy",
        "TaskMaster 1.1.0: green again: accuracy",
        "TaskMaster 1.1.0: red: accuracy",
    ]


def test_several_at_once_are_one_message_and_one_more_is_told_alone(tmp_path: Path) -> None:
    with http_server() as server:
        listener = Listener(server, tmp_path)
        listener.tick("accuracy", "format")
        listener.tick("accuracy", "format", "safety")
        listener.tick("safety")
    assert listener.headlines == ["red: accuracy, format", "red: safety", "green again: accuracy, format"]


def test_products_are_kept_apart(tmp_path: Path) -> None:
    with http_server() as server:
        listener = Listener(server, tmp_path)
        listener.tick("accuracy")
        listener.tick("accuracy", product="DocWriter")
        listener.tick("accuracy")
    assert listener.headlines == ["red: accuracy", "red: accuracy"]


def test_what_a_channel_did_not_take_is_owed_until_it_does(tmp_path: Path) -> None:
    with http_server(Answer(503, body="busy"), Answer(503, body="busy")) as server:
        listener = Listener(server, tmp_path)
        assert listener.tick("accuracy") == "1 told, 1 deliveries are owed"
        assert listener.tick("accuracy") == "0 told, 1 deliveries are owed"
        assert listener.tick("accuracy") == "0 told"
        assert listener.tick("accuracy") == "0 told"
    assert len(set(bodies(server.received))) == 1
    assert len(server.received) == 3
    assert listener.said[1] == f"webhook {server.url}/***: HTTP 503 busy (1 tries); owed"


def test_a_channel_that_fails_is_left_alone_for_the_rest_of_the_tick(tmp_path: Path) -> None:
    with http_server(Answer(503), Answer(503)) as server:
        listener = Listener(server, tmp_path)
        listener.tick("accuracy")
        assert listener.tick("format") == "2 told, 3 deliveries are owed"
        assert len(server.received) == 2
        assert listener.tick("format") == "0 told"
    assert sorted(listener.headlines) == sorted(["red: accuracy"] * 3 + ["red: format", "green again: accuracy"])


@pytest.mark.parametrize(("status", "after"), [(404, timedelta()), (503, timedelta(days=1))])
def test_what_will_never_arrive_or_is_a_day_old_is_given_up(status: int, after: timedelta, tmp_path: Path) -> None:
    with http_server(Answer(status), Answer(status)) as server:
        listener = Listener(server, tmp_path)
        listener.tick("accuracy")
        assert listener.tick("accuracy", after=after) == "0 told"
        sent = len(server.received)
        assert listener.tick("accuracy", after=after) == "0 told"
        assert len(server.received) == sent


def test_releases_are_news_but_not_those_from_before(tmp_path: Path) -> None:
    with http_server() as server:
        listener = Listener(server, tmp_path, "version_released")
        listener.tick("1.0.0 is in production")
        listener.tick("1.0.0 is in production", "1.1.0 is in production")
        listener.tick("1.0.0 is in production", "1.1.0 is in production", "1.1.0 was taken back")
    assert listener.headlines == ["1.1.0 is in production", "1.1.0 was taken back"]


def test_a_ledger_that_cannot_be_read_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "ledger.json").write_text("{", encoding="utf-8")
    with http_server() as server, pytest.raises(StoreError, match="expected JSON"):
        Listener(server, tmp_path).tick("accuracy")
    assert server.received == []


def test_no_address_is_kept_in_the_ledger(tmp_path: Path) -> None:
    with http_server(Answer(503)) as server:
        Listener(server, tmp_path).tick("accuracy")
    assert "/hook" not in (tmp_path / "ledger.json").read_text(encoding="utf-8")
