"""What deploys a cluster: files that an engine would take, and that say what the commands understand."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import typer
import yaml

from objstore.cli.main import app
from objstore.cli.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
COMPOSE_FILES = [ROOT / "docker-compose.yml", ROOT / "docker-compose.single.yml"]
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "objstore.json").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]] + [
    rule["expr"] for group in RULES["groups"] for rule in group["rules"]
]
NOT_SETTINGS = {"OBJSTORE_BIND"}  # of the compose files: where ports are bound


def understood(arguments: list[str]) -> None:
    """The command line parses, and every flag is there."""
    assert arguments[0].rpartition("/")[2] == "objstore"
    group = typer.main.get_command(app)
    command = group.commands[arguments[1]]  # type: ignore[attr-defined]
    flags = {name for parameter in command.params for name in parameter.opts}
    for argument in arguments[2:]:
        assert argument.partition("=")[0] in flags, argument


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_compose_takes_the_file(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.name)
def test_no_secret_has_a_default(path: Path) -> None:
    text = path.read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)(.*?)\}", text))
    secrets = {(name, rest) for name, rest in asked if re.search("SECRET|PASSWORD|KEY", name)}
    assert {"POSTGRES_PASSWORD", "OBJSTORE_SECRET_KEY"} <= {name for name, _ in secrets}
    for name, rest in secrets:
        assert rest == f":?set {name}"
    for line in text.splitlines():
        found = re.search(r"^\s*\w*(SECRET|PASSWORD|_KEY)\w*: (.*)$", line)
        assert found is None or found[2].startswith("${"), line


def test_every_variable_is_a_setting() -> None:
    files = [*COMPOSE_FILES, ROOT / "Dockerfile", *(path for path in DEPLOY.rglob("*") if path.is_file())]
    named = {name for path in files for name in re.findall(r"\bOBJSTORE_[A-Z_]+", path.read_text())}
    assert "OBJSTORE_CLUSTER_SECRET" in named
    for name in named - NOT_SETTINGS:
        assert name.removeprefix("OBJSTORE_").lower() in Settings.model_fields, name


def test_the_compose_file_is_the_whole_topology() -> None:
    services = COMPOSE["services"]
    nodes = {name: service for name, service in services.items() if name.startswith("node-")}
    assert set(services) - set(nodes) == {"postgres", "gateway-0", "gateway-1", "worker", "prometheus", "grafana"}
    drives = [flag for node in nodes.values() for flag in node["command"] if flag.startswith("--drive=")]
    assert Counter(flag.split("=")[1] for flag in drives) == {"hot": 6, "capacity": 14}
    assert len(set(drives)) == len(drives)
    for name, node in nodes.items():
        assert f"--name={name}" in node["command"]
        mounted = {volume.partition(":")[2] for volume in node["volumes"]}
        assert {flag.split("=")[2] for flag in node["command"] if flag.startswith("--drive=")} == mounted


def test_the_compose_file_is_consistent() -> None:
    volumes = [v for s in COMPOSE["services"].values() for v in s.get("volumes", []) if not v.startswith("./")]
    named = Counter(volume.partition(":")[0] for volume in volumes)
    assert set(named) == set(COMPOSE["volumes"])
    assert max(named.values()) == 1, "two services write to one volume"
    for name, service in COMPOSE["services"].items():
        assert {"image", "build"} & service.keys(), name
        assert "build" in service or "healthcheck" in service, name  # the image of ours has one
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).is_file(), volume
        if "build" in service:
            understood(service["command"])
            environment = service["environment"]
            for secret in ("OBJSTORE_CLUSTER_SECRET",):
                assert environment[secret] == f"${{{secret}:?set {secret}}}"
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = [target for job in scraped for group in job["static_configs"] for target in group["targets"]]
    assert {target.partition(":")[0] for target in targets} == {"gateway-0", "gateway-1", "worker"}
    ports = Counter(port.rpartition(":")[0] for s in COMPOSE["services"].values() for port in s.get("ports", []))
    assert max(ports.values()) == 1


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda m: f"{m['kind']}-{m['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_kubernetes_takes_the_manifests(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_pods_run_what_there_is_with_little_rights() -> None:
    for manifest in MANIFESTS:
        if manifest["kind"] not in ("StatefulSet", "Deployment"):
            continue
        spec, labels = manifest["spec"]["template"]["spec"], manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"] == labels
        assert spec["securityContext"]["runAsNonRoot"] is True
        (container,) = spec["containers"]
        understood(container["args"])
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        claims = {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}
        assert mounts == claims | {volume["name"] for volume in spec["volumes"]}


def test_the_example_of_a_secret_is_what_pods_take_and_empty() -> None:
    (secret,) = (manifest for manifest in MANIFESTS if manifest["kind"] == "Secret")
    assert set(secret["stringData"].values()) == {""}
    pods = [m["spec"]["template"]["spec"] for m in MANIFESTS if m["kind"] in ("StatefulSet", "Deployment")]
    for pod in pods:
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]


def test_pods_are_probed_and_not_all_evicted() -> None:
    budgets = [m["spec"]["selector"]["matchLabels"] for m in MANIFESTS if m["kind"] == "PodDisruptionBudget"]
    probed = []
    for manifest in MANIFESTS:
        if manifest["kind"] not in ("StatefulSet", "Deployment"):
            continue
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        probes = [container[name] for name in ("livenessProbe", "readinessProbe") if name in container]
        assert probes
        for probe in probes:
            (action,) = (probe[kind] for kind in ("httpGet", "tcpSocket") if kind in probe)
            assert action["port"] in ports
            probed.append(action.get("path"))
        if manifest["spec"]["replicas"] > 1:
            assert manifest["spec"]["selector"]["matchLabels"] in budgets
    assert {"/-/health/ready", "/-/health/live"} <= set(probed)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_start_what_there_is(unit: Path) -> None:
    text = unit.read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    understood([argument for argument in start.split() if not argument.startswith("$")])
    for setting in ("NoNewPrivileges=yes", "ProtectSystem=strict", "Restart=always", "User=objstore"):
        assert setting in text
    if shutil.which("systemd-analyze"):
        found = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        # The program is not installed here.
        wrong = [line for line in found.stderr.splitlines() if unit.name in line and "is not executable" not in line]
        assert not wrong


def selectors(expression: Any) -> Iterator[str]:
    """Names of the metrics that a parsed expression asks for."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression.name
    elif isinstance(expression, promql_parser.MatrixSelector):
        yield expression.vector_selector.name
    for name in ("expr", "lhs", "rhs"):
        if (part := getattr(expression, name, None)) is not None:
            yield from selectors(part)
    for part in getattr(expression, "args", ()):
        yield from selectors(part)


def test_the_dashboard_and_the_alerts_ask_for_metrics_that_exist() -> None:
    reference = (ROOT / "docs" / "metrics.md").read_text()  # which is what the code says: test_metrics.py
    there = set(re.findall(r"^\| `(\w+)` \|", reference, re.MULTILINE))
    histograms = set(re.findall(r"^\| `(\w+)` \| histogram", reference, re.MULTILINE))
    there |= {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    names = {name for expression in EXPRESSIONS for name in selectors(promql_parser.parse(expression))} - {"up"}
    assert len(names) > 30
    assert names <= there, names - there


def test_the_dashboard_and_the_alerts_are_whole() -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana" / "datasource.yml").read_text())["datasources"]
    uids = {source["uid"] for source in provisioned}
    ids = Counter(panel["id"] for panel in DASHBOARD["panels"])
    assert max(ids.values()) == 1
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} <= uids
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"]
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert promql_parser.parse_duration(rule["for"])
