"""deploy/prometheus: the rules are sound; each alert fires when it should, not before, and says what to do.

`promtool` judges them: its own checks, then the unit tests that stand beside the rules. That those tests
could fail is shown by rules whose thresholds were moved: looser, and every alert must fire where it should be
silent; stricter, and every alert must be silent where it should fire.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.arch.sources import ROOT
from tests.docs.documents import document
from tests.support.programs import program
from tests.support.promql import wrong_with

FOLDER = ROOT / "deploy/prometheus"
RULE_FILES = ("keyhatch-recording.yml", "keyhatch-alerts.yml")
TEST_FILES = tuple(sorted(path.name for path in FOLDER.glob("*_test.yml")))
SEVERITIES = {"critical", "warning", "info"}
WITHOUT_THRESHOLD = {"KeyhatchAbsent"}

_COMPARED = re.compile(r"(>|<|==) (-?[\d.]+(?:e\d+)?)(?![\d.])")
_FAILED = re.compile(r"ALERTS\{alertname=\\\"(\w+)\\\"")


def rules(kind: str) -> list[dict[str, Any]]:
    """The alerts (`alert`) or recording rules (`record`), in order."""
    read = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in RULE_FILES]
    return [rule for file in read for group in file["groups"] for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}
RECORDED = frozenset(rule["record"] for rule in rules("record"))
GROUPS = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in TEST_FILES]
TESTS = [test for file in GROUPS for test in file["tests"]]


def promtool(*arguments: str, folder: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    command = [program("promtool", "prometheus"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=25, check=False)


def test_the_rules_and_the_configuration_are_sound() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    checked = promtool("check", "config", "--lint=all", "--lint-fatal", "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_configuration_loads_every_rule_file_and_scrapes_the_gateway() -> None:
    read = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert tuple(read["rule_files"]) == RULE_FILES
    (job,) = read["scrape_configs"]
    assert job["job_name"] == "keyhatch"
    assert job["static_configs"] == [{"targets": ["keyhatch:8081"]}]


def test_no_file_here_is_left_unread() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"prometheus.yml", *RULE_FILES, *TEST_FILES}


def test_every_rule_does_what_its_tests_say() -> None:
    tested = promtool("test", "rules", *TEST_FILES)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_test_that_it_fires_and_one_that_it_is_silent(name: str) -> None:
    fired, silent, waits = False, False, False
    for test in (test for test in TESTS if test["name"] == name):
        for asked in test["promql_expr_test"]:
            assert f'alertname="{name}", alertstate="firing"' in asked["expr"]
            fired |= bool(asked["exp_samples"])
            waits |= not asked["exp_samples"]
            told = str(asked["exp_samples"])
            silent |= 'instance="under"' in str(test["input_series"]) and 'instance="under"' not in told
    assert fired
    assert silent
    assert waits or "for" not in ALERTS[name]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_every_recording_rule_has_a_test(name: str) -> None:
    tested = {asked["expr"] for test in TESTS for asked in test["promql_expr_test"]}
    assert name in tested


def moved(factor: float, folder: Path) -> str:
    """What promtool says when each threshold is so many times as high; 0 becomes a little less or more."""
    looser = factor < 1

    def other(match: re.Match[str]) -> str:
        operator, number = match[1], float(match[2])
        if operator == "<":
            return f"< {number / factor}"
        if operator == "==":
            return match[0] if number else (">= 0" if looser else "== -1")
        return f"> {number * factor}" if number else (">= 0" if looser else "> 1.5")

    file = yaml.safe_load((FOLDER / RULE_FILES[1]).read_text("utf-8"))
    for rule in (rule for group in file["groups"] for rule in group["rules"]):
        rule["expr"], changes = _COMPARED.subn(other, rule["expr"])
        assert bool(changes) is (rule["alert"] not in WITHOUT_THRESHOLD)
    (folder / RULE_FILES[0]).write_bytes((FOLDER / RULE_FILES[0]).read_bytes())
    (folder / RULE_FILES[1]).write_text(yaml.safe_dump(file, width=1000))
    asked = [{**test, "alert_rule_test": nothing_of(test)} for test in TESTS if test["name"] in ALERTS]
    (folder / "moved_test.yml").write_text(yaml.safe_dump({**GROUPS[0], "tests": asked}))
    tested = promtool("test", "rules", "moved_test.yml", folder=folder)
    return tested.stdout + tested.stderr


def nothing_of(test: dict[str, Any]) -> list[dict[str, Any]]:
    """Expectations of nothing where something fires: promtool tells what it is then, with its words."""
    when = [asked["eval_time"] for asked in test["promql_expr_test"] if asked["exp_samples"]]
    return [{"alertname": test["name"], "eval_time": at, "exp_alerts": []} for at in when]


@pytest.fixture(scope="module")
def with_looser(tmp_path_factory: pytest.TempPathFactory) -> str:
    return moved(0.75, tmp_path_factory.mktemp("looser"))


def test_a_looser_threshold_is_noticed_for_every_alert(with_looser: str) -> None:
    assert set(ALERTS) - set(_FAILED.findall(with_looser)) == WITHOUT_THRESHOLD


def test_a_stricter_threshold_is_noticed_for_every_alert(tmp_path: Path) -> None:
    assert set(ALERTS) - set(_FAILED.findall(moved(1.7, tmp_path))) == WITHOUT_THRESHOLD


def test_what_an_alert_says_can_be_written_for_every_alert(with_looser: str) -> None:
    said = re.findall(r"Annotations:\{(.*)\}$", with_looser, re.MULTILINE)
    assert {name for name in ALERTS if any(f"#{name.lower()}" in each for each in said)} == set(ALERTS)
    broken = ("error expanding", "<no value>", "%!", "{{")
    assert [each for each in said if any(word in each for word in broken)] == []


@pytest.mark.parametrize("rule", [*ALERTS.values(), *rules("record")], ids=lambda rule: rule.get("alert"))
def test_a_rule_asks_only_for_what_the_gateway_tells(rule: dict[str, Any]) -> None:
    assert wrong_with(rule["expr"], RECORDED) == []


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_grave_it_is_what_happened_and_what_to_do(name: str) -> None:
    said = ALERTS[name]["annotations"]
    assert ALERTS[name]["labels"]["severity"] in SEVERITIES
    assert said.keys() == {"summary", "description", "runbook_url"}
    assert "\n" not in said["summary"]
    assert said["description"].count(".") >= 2, "what happened, and what to do next"
    assert said["summary"].endswith(".")


@pytest.mark.parametrize("name", ALERTS)
def test_the_mend_of_an_alert_stands_in_the_documents_under_its_name(name: str) -> None:
    page, _, anchor = ALERTS[name]["annotations"]["runbook_url"].partition("#")
    assert anchor == name.lower()
    assert anchor in document(page).anchors()
    assert document(page).section(f"### {name}").strip()


def test_the_short_version_in_the_documents_is_a_part_of_the_rules() -> None:
    (shown,) = (fence for fence in document("docs/metrics.md").fences() if "groups:" in fence.text)
    for rule in yaml.safe_load(shown.text)["groups"][0]["rules"]:
        whole = ALERTS[rule["alert"]]
        assert whole["expr"].startswith(rule["expr"])
        assert whole.get("for") == rule.get("for")


def test_the_scrape_in_the_documents_is_that_of_the_configuration() -> None:
    (shown,) = (fence for fence in document("docs/monitoring.md").fences() if fence.kind == "yaml")
    read, meant = yaml.safe_load(shown.text), yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert read["rule_files"] == meant["rule_files"]
    assert [job["job_name"] for job in read["scrape_configs"]] == ["keyhatch"]


def test_the_command_for_kubernetes_makes_resources_of_the_rules() -> None:
    (shown,) = (fence for fence in document("docs/monitoring.md").fences() if "kubectl" in fence.text)
    script = f"kubectl() {{ cat; }}\nset -e\n{shown.text}"
    made = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, timeout=20, check=True).stdout
    resources = [each for each in yaml.safe_load_all(made) if each is not None]
    assert [each["kind"] for each in resources] == ["PrometheusRule"] * 2
    written = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in RULE_FILES]
    assert [each["spec"] for each in resources] == written


def test_kubernetes_calls_the_job_as_the_alerts_know_it() -> None:
    component = ROOT / "deploy/kubernetes/components/prometheus-operator"
    monitor = yaml.safe_load((component / "pod-monitor.yaml").read_text("utf-8"))["spec"]
    assert monitor["selector"]["matchLabels"][monitor["jobLabel"]] == "keyhatch"


def test_the_documents_tell_of_no_alert_that_is_not_there() -> None:
    told = {
        heading for heading in document("docs/monitoring.md").headings() if heading.startswith("Keyhatch")
    }
    assert told == set(ALERTS)
