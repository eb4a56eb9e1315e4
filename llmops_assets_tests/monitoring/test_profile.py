"""What a profile holds, and that Prometheus' own tools accept it for three products."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from llmops_assets.cli import build_parser
from llmops_assets.errors import MonitoringError
from llmops_assets.monitoring.baseline import build_baseline
from llmops_assets.monitoring.checking import check_profile
from llmops_assets.monitoring.profile import threshold_conflicts, write_profile
from llmops_assets.monitoring.runbooks import RUNBOOKS, runbook_markdown
from llmops_assets.recipes.monitoring import MonitoringConfig
from llmops_assets.storage import atomic
from llmops_assets_tests.monitoring.profiles import CONFIGS, needs, written
from llmops_assets_tests.monitoring.traffic import traffic


@needs("promtool", "amtool")
@pytest.mark.parametrize("product", CONFIGS)
def test_prometheus_own_tools_accept_what_is_written(product: str, tmp_path: Path) -> None:
    written(tmp_path, product)

    assert {verdict.command: verdict.state for verdict in check_profile(tmp_path)} == {
        "promtool check rules rules.yml": "passed",
        "promtool test rules rules_test.yml": "passed",
        "promtool check config prometheus.yml": "passed",
        "amtool check-config alertmanager.yml": "passed",
    }


@needs("promtool", "amtool")
@pytest.mark.parametrize("expression", ["vector(0) > 1", "vector(1)"])
def test_rules_that_never_or_always_fire_fail_their_tests(expression: str, tmp_path: Path) -> None:
    written(tmp_path, "TaskMaster")
    rules = yaml.safe_load((tmp_path / "rules.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        if "alert" in rule:
            rule["expr"] = expression
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))

    verdict = next(verdict for verdict in check_profile(tmp_path) if "test rules" in verdict.command)

    assert verdict.state == "failed"
    assert {alert for alert in RUNBOOKS if f'alertname="{alert}"' not in verdict.output.replace("\\", "")} == set()


@needs("promtool")
def test_a_broken_file_is_found(tmp_path: Path) -> None:
    written(tmp_path, "TaskMaster")
    (tmp_path / "rules.yml").write_text("groups: [{name: a, rules: [{alert: A, expr: 'sum('}]}]")

    assert check_profile(tmp_path)[0].state == "failed"


def test_a_missing_tool_means_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "TaskMaster")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert {verdict.state for verdict in check_profile(tmp_path)} == {"unchecked"}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    written(tmp_path / "one", "CodeReviewer")
    written(tmp_path / "two", "CodeReviewer")

    assert atomic.tree_digest(tmp_path / "one") == atomic.tree_digest(tmp_path / "two")


@pytest.mark.parametrize("product", CONFIGS)
def test_the_metadata_says_what_was_written(product: str, tmp_path: Path) -> None:
    found = written(tmp_path, product)

    assert sorted(path.relative_to(tmp_path).as_posix() for path in atomic.files_in(tmp_path)) == found["files"]
    assert found["alerts"] == sorted(RUNBOOKS)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("product", CONFIGS)
def test_every_alert_links_to_a_runbook_that_is_there(product: str, tmp_path: Path) -> None:
    written(tmp_path, product)

    rules = yaml.safe_load((tmp_path / "rules.yml").read_text())["groups"][0]["rules"]
    links = [rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule]
    for link in links:
        base, product_in_link, alert = link.rsplit("/", 2)
        assert (base, product_in_link) == ("http://localhost:8080/runbooks", product)
        assert (tmp_path / "runbooks" / f"{alert}.md").read_text().startswith(f"# {alert}: {product}\n")


@pytest.mark.parametrize("alert", RUNBOOKS)
def test_a_runbook_is_short_and_leaves_no_placeholder(alert: str, tmp_path: Path) -> None:
    written(tmp_path, "DocWriter")

    page = (tmp_path / "runbooks" / f"{alert}.md").read_text()

    assert len(page.splitlines()) < 30
    assert "{" not in page
    assert "`llmops status DocWriter`" in page or "`llmops run DocWriter" in page or alert == "NoRequests"


def test_a_runbook_takes_a_release_back_by_the_command_that_records_it() -> None:
    found = re.search("`llmops (rollback [^`]+)`", runbook_markdown("HighErrorRate", "DocWriter"))

    assert found
    assert build_parser().parse_args(shlex.split(found[1])).product == "DocWriter"


def test_no_secret_stands_in_any_file(tmp_path: Path) -> None:
    found = written(tmp_path, "CodeReviewer")

    text = (tmp_path / "alertmanager.yml").read_text()
    named = re.findall(r"/etc/alertmanager/secrets/(\w+)", text)
    assert set(named) | {"grafana_password"} == set(found["secrets"])
    assert not re.search(r"^\s*(api_url|routing_key|auth_password|credentials):", text, re.MULTILINE)
    assert all(f"`{secret}`" in (tmp_path / "README.md").read_text() for secret in found["secrets"])


@pytest.mark.parametrize(
    ("product", "receivers"),
    [
        ("TaskMaster", {"critical": {"webhook"}, "warning": {"webhook"}}),
        (
            "CodeReviewer",
            {
                "critical": {"webhook", "pagerduty", "slack", "email"},
                "warning": {"webhook", "slack", "email"},
            },
        ),
        ("DocWriter", {"critical": {"webhook", "slack"}, "warning": {"webhook", "slack"}}),
    ],
)
def test_severity_decides_who_hears(product: str, receivers: dict[str, set[str]], tmp_path: Path) -> None:
    written(tmp_path, product)

    content = yaml.safe_load((tmp_path / "alertmanager.yml").read_text())

    assert {
        receiver["name"]: {key.removesuffix("_configs") for key in receiver if key != "name"}
        for receiver in content["receivers"]
    } == receivers


def test_compose_pins_every_image_and_publishes_to_this_machine_only(tmp_path: Path) -> None:
    written(tmp_path, "TaskMaster")

    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]

    assert set(services) == {"prometheus", "alertmanager", "grafana"}
    for service in services.values():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            made_by_operator = source == "./secrets/grafana_password"
            assert made_by_operator or not source.startswith("./") or (tmp_path / source).exists()


@pytest.mark.parametrize(
    ("kind", "records", "conflict"),
    [
        ({}, 300, None),
        ({"latency_s": 4.0}, 300, "HighLatency alarms above 2 s"),
        ({"format_valid": 0.5}, 300, "QualityDrift alarms below 70%"),
        ({}, 40, "drift needs 100 records, and the baseline has 40"),
    ],
)
def test_alerts_that_would_fire_from_the_first_day_are_told(
    kind: dict[str, float], records: int, conflict: str | None
) -> None:
    kinds = {"latency_s": 0.3, **kind}
    baseline = build_baseline(
        traffic(1, records, **kinds),  # type: ignore[arg-type]
        product="TaskMaster",
        version="1",
        evaluation_metrics={},
    )

    found = threshold_conflicts(baseline, MonitoringConfig())

    assert len(found) == (conflict is not None)
    assert all(entry.startswith(str(conflict)) for entry in found)


@pytest.mark.parametrize(
    ("product", "targets", "complaint"),
    [("TaskMaster", [], "an exporter to scrape for TaskMaster"), ('Task"Master', ["a:1"], "rename it")],
)
def test_what_could_not_work_is_refused(product: str, targets: list[str], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(MonitoringError, match=complaint):
        write_profile(
            tmp_path,
            product=product,
            version="1",
            config=MonitoringConfig(),
            baseline={},
            evaluation_metrics={},
            targets=targets,
        )


@needs("promtool", "amtool")
def test_a_product_name_with_a_space_works(tmp_path: Path) -> None:
    write_profile(
        tmp_path,
        product="My Digital FTE",
        version="1.0.0",
        config=MonitoringConfig(),
        baseline=build_baseline(traffic(1, 200), product="My Digital FTE", version="1", evaluation_metrics={}),
        evaluation_metrics={},
        targets=["gateway:9090"],
    )

    assert {verdict.state for verdict in check_profile(tmp_path)} == {"passed"}
    assert "/runbooks/My%20Digital%20FTE/ModelDown" in (tmp_path / "rules.yml").read_text()
