"""The protocols over real sockets, and everything that a server may do instead of answering."""

import socket

import pytest

from llmops_assets.errors import JudgeError
from llmops_assets.evaluation.judge.endpoint import Endpoint, endpoint_of
from llmops_assets.recipes.evaluation import JudgeConfig
from llmops_assets_tests.evaluation.judge.scripted_judge import Reply, Script, scripted_judge

FORM = {"type": "object"}
KEY = "sk-very-secret"


def complaint(script: Script, **changes: object) -> str:
    with scripted_judge(script) as judge, pytest.raises(JudgeError) as caught:
        Endpoint(judge.config(**changes), KEY, pauses_s=(0.0,)).ask("which?", FORM)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_openai_s_protocol_is_spoken_with_the_key() -> None:
    with scripted_judge(lambda prompt: prompt[::-1]) as judge:
        answer = Endpoint(judge.config(seed=3, max_tokens=64), KEY).ask("abc", FORM)
    assert (answer.text, answer.done_reason) == ("cba", "stop")
    assert judge.asked == [
        {
            "path": "/v1/chat/completions",
            "key": f"Bearer {KEY}",
            "model": "scripted",
            "messages": [{"role": "user", "content": "abc"}],
            "stream": False,
            "temperature": 0,
            "seed": 3,
            "max_tokens": 64,
        }
    ]


def test_ollama_s_protocol_is_spoken_and_holds_the_reply_to_its_form() -> None:
    with scripted_judge(lambda prompt: Reply(prompt[::-1], ended="length")) as judge:
        answer = Endpoint(judge.config("ollama")).ask("abc", FORM)
    assert (answer.text, answer.done_reason) == ("cba", "length")
    (asked,) = judge.asked
    assert (asked["path"], asked["key"], asked["format"]) == ("/api/chat", None, FORM)
    assert asked["options"] == {"temperature": 0, "seed": 0, "num_predict": 512}


def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    replies = [Reply(status=503), Reply(status=500), Reply("at last")]
    with scripted_judge(lambda _: replies.pop(0)) as judge:
        assert Endpoint(judge.config(), pauses_s=(0.0, 0.0)).ask("?", FORM).text == "at last"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=500, raw="out of memory"), "HTTP 500: out of memory"),
        (Reply(status=401, raw=f"bad key {KEY}"), "HTTP 401: bad key ***"),
        (Reply(status=404, raw='{"error":"model not found"}'), "model not found"),
        (Reply(raw="<html>welcome</html>"), "something that is no chat reply"),
        (Reply(raw='{"choices":[]}'), "something that is no chat reply"),
        (Reply(raw='{"choices":[{"message":{"content":7}}]}'), "something that is no chat reply"),
        (Reply("late", wait_s=0.5), "nothing within 0.1 s"),
    ],
)
def test_whatever_is_no_answer_is_one_line_without_the_key(reply: Reply, said: str) -> None:
    found = complaint(lambda _: reply, timeout_s=0.1 if reply.wait_s else 5)
    assert said in found
    assert KEY not in found


def test_an_error_of_the_server_is_asked_again_once_a_pause_and_no_more() -> None:
    with scripted_judge(lambda _: Reply(status=500, raw="no")) as judge, pytest.raises(JudgeError):
        Endpoint(judge.config(), pauses_s=(0.0, 0.0)).ask("?", FORM)
    assert len(judge.asked) == 3


def test_where_nobody_listens_the_line_says_so() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    config = JudgeConfig(provider="ollama", base_url=url, model="gone")
    with pytest.raises(JudgeError, match=rf"expected an answer of gone at {url}/api/chat, got: .*refused"):
        Endpoint(config).ask("?", FORM)


def test_the_key_comes_from_the_named_variable_and_is_not_shown() -> None:
    config = JudgeConfig(provider="openai-compatible", base_url="https://x.example/v1", model="m", api_key_env="MY_KEY")
    found = endpoint_of(config, {"MY_KEY": f" {KEY}\n"})
    assert found.key == KEY
    assert KEY not in repr(found)
    with pytest.raises(JudgeError, match="expected the key of m in the variable MY_KEY, found none"):
        endpoint_of(config, {})


def test_another_model_or_question_is_remembered_apart() -> None:
    config = JudgeConfig(provider="ollama", base_url="http://x.example", model="m")
    keys = {
        Endpoint(config).memory_key("a", FORM),
        Endpoint(config).memory_key("b", FORM),
        Endpoint(config.model_copy(update={"model": "n"})).memory_key("a", FORM),
        Endpoint(config, KEY).memory_key("a", FORM),
        Endpoint(config.model_copy(update={"timeout_s": 1})).memory_key("a", FORM),
    }
    assert len(keys) == 3
