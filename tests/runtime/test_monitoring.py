"""The alert rules and the dashboard: each asks for metrics, labels and values that the service really prints."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from chirp_auth.mail import job_locks
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import User
from config import ROOT
from tests.conftest import ALICE
from tests.runtime.test_metrics import ON_SQLITE, Values, scraped

DEPLOY = ROOT / "deploy"
SELECTOR = re.compile(r"\b(chirp_auth_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
GROUPING = re.compile(r"\b(?:by|without) \(([^)]*)\)")

Expression = tuple[str, str]  # where it is, and what it says


def alerts() -> list[Expression]:
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"]
    return [(rule["alert"], rule["expr"]) for rule in group["rules"]]


def panels() -> list[Expression]:
    dashboard: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.fixture
def values(client: FlaskClient, alice: User, delivered: Callable[[], list[Mail]]) -> Values:
    """What is printed after a failed sign-in and a delivered mail."""
    client.post("/api/v1/auth/login", json={"email": ALICE, "password": "not hers at all"})
    client.post("/api/v1/auth/forgot-password", json={"email": ALICE})
    delivered()
    job_locks.heartbeat()
    return scraped(client)


def missing(expression: str, values: Values) -> list[str]:
    """Return what the expression asks for in vain."""
    problems = []
    for name, matchers in SELECTOR.findall(expression):
        samples = [dict(labels) for sample, labels in values if sample == name]
        if not samples:
            problems.append(name)
        for label, operator, wanted in MATCHER.findall(matchers):
            has_value = any(labels.get(label) == wanted for labels in samples)
            if (operator == "=" and not has_value) or not any(label in labels for labels in samples):
                problems.append(f"{name}{{{label}{operator}{wanted}}}")
        problems += [
            f"{name} by {label}"
            for grouping in GROUPING.findall(expression)
            for label in grouping.split(", ")
            if not any(label in labels for labels in samples)
        ]
    return problems


@ON_SQLITE
def test_every_alert_and_panel_asks_for_what_is_there(values: Values) -> None:
    expressions = alerts() + panels()

    assert len(expressions) > 30
    assert {where: problems for where, expression in expressions if (problems := missing(expression, values))} == {}


@ON_SQLITE
def test_a_name_or_a_label_that_is_not_there_would_be_told(values: Values) -> None:
    assert missing("chirp_auth_nothing > 0", values) == ["chirp_auth_nothing"]
    assert missing('chirp_auth_mails_total{outcome="eaten"}', values) == ["chirp_auth_mails_total{outcome=eaten}"]
    assert missing("sum by (colour) (chirp_auth_mails_total)", values) == ["chirp_auth_mails_total by colour"]


def test_every_alert_says_what_to_do() -> None:
    (group,) = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"]
    assert all(rule["annotations"]["summary"] and rule["annotations"]["step"] for rule in group["rules"])
    assert all(rule["labels"]["severity"] in ("page", "ticket") for rule in group["rules"])
