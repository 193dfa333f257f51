"""`auth recovery`, `auth user reset-factors` and `auth keys reseal`: second factors at the command line."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskCliRunner
from pydantic import SecretStr
from sqlalchemy import select, update

from chirp_auth.accounts import sessions
from chirp_auth.accounts.factors import factor_recovery, second_factor
from chirp_auth.admin import factors
from chirp_auth.admin.factors import Factors
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail.mailbox import Mail
from chirp_auth.models import AuthenticatorApp, SecurityEvent, User
from chirp_auth.security import sealing
from tests.conftest import ALICE, TEST_CLIENT, events
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, with_passkey

REASON = ["--reason", "identity card seen"]
NONE = Factors(authenticator_app=False, recovery_codes=0, passkeys=0)
KEY = "q8Yv2nXw5LrT0kZb7MdC4hJs9GfP1aEu"


@pytest.fixture
def secret(alice: User) -> str:
    with_passkey(alice)
    return with_authenticator(alice)


@pytest.fixture
def due(secret: str, alice: User) -> None:
    factor_recovery.start(alice, TEST_CLIENT, proved="link")
    sessions.add(alice, TEST_CLIENT)
    db.session.commit()


def recorded(kind: str) -> dict[str, object]:
    db.session.remove()
    event = db.session.scalars(select(SecurityEvent).where(SecurityEvent.kind == kind)).one()
    return {**(event.detail or {}), "by": bool(event.actor)}


def test_an_open_recovery_is_listed_and_shown(runner: FlaskCliRunner, due: None) -> None:
    rows = json.loads(runner.invoke(args=["auth", "recovery", "list", "--json"]).output)
    shown = json.loads(runner.invoke(args=["auth", "user", "show", ALICE, "--json"]).output)

    assert [(row["email"], row["device"], row["ip"]) for row in rows] == [(ALICE, "Firefox", "192.0.2.7")]
    assert shown["second_factors"] == {"authenticator_app": True, "recovery_codes": 2, "passkeys": 1}
    assert shown["recovery_due"] == rows[0]["due_at"]
    assert shown["codes_blocked_until"] is None


@pytest.mark.usefixtures("due")
def test_a_delay_of_codes_is_shown_and_ended(runner: FlaskCliRunner) -> None:
    db.session.execute(update(AuthenticatorApp).values(failed_sign_ins=5, sign_in_blocked_until=now()))
    db.session.commit()

    shown = json.loads(runner.invoke(args=["auth", "user", "show", ALICE, "--json"]).output)
    assert shown["codes_blocked_until"].endswith("Z")

    assert runner.invoke(args=["auth", "user", "unlock", ALICE]).exit_code == 0
    db.session.remove()
    assert db.session.scalars(select(AuthenticatorApp.failed_sign_ins)).one() == 0


def test_approving_ends_the_waiting_time(
    runner: FlaskCliRunner, due: None, alice: User, delivered: Callable[[], list[Mail]]
) -> None:
    dry = runner.invoke(args=["auth", "recovery", "approve", ALICE, *REASON, "--dry-run"])
    assert (dry.exit_code, second_factor.is_on(alice.id)) == (0, True)

    result = runner.invoke(args=["auth", "recovery", "approve", ALICE, *REASON, "--yes", "--json"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {"id": str(alice.id), "approved": True, "ended": 1}
    assert factors.of(alice) == NONE
    assert recorded("factor_recovery.approved") == {"ended": 1, "reason": "identity card seen", "by": True}
    assert "Our support has ended the waiting time." in delivered()[0].text
    again = runner.invoke(args=["auth", "recovery", "approve", ALICE, *REASON, "--yes"])
    assert (again.exit_code, "No recovery of this account is open" in again.output) == (3, True)


def test_approving_wants_a_reason_and_an_answer(runner: FlaskCliRunner, due: None, alice: User) -> None:
    assert runner.invoke(args=["auth", "recovery", "approve", ALICE, "--yes"]).exit_code == 2
    assert runner.invoke(args=["auth", "recovery", "approve", ALICE, *REASON]).exit_code == 2

    assert second_factor.is_on(alice.id)


def test_cancelling_keeps_the_factors(runner: FlaskCliRunner, due: None, alice: User) -> None:
    assert runner.invoke(args=["auth", "recovery", "cancel", ALICE, *REASON]).exit_code == 0

    assert factor_recovery.open_of(alice.id) is None
    assert recorded("factor_recovery.cancelled") == {"reason": "identity card seen", "by": True}
    assert runner.invoke(args=["auth", "recovery", "cancel", ALICE]).exit_code == 3
    assert runner.invoke(args=["auth", "recovery", "list", "--json"]).output.strip() == "[]"


def test_resetting_removes_everything_at_once(
    runner: FlaskCliRunner, due: None, alice: User, delivered: Callable[[], list[Mail]]
) -> None:
    dry = runner.invoke(args=["auth", "user", "reset-factors", ALICE, *REASON, "--dry-run"])
    assert "Would remove the authenticator app, 2 recovery codes and 1 passkey" in dry.output
    assert second_factor.is_on(alice.id)

    result = runner.invoke(args=["auth", "user", "reset-factors", ALICE, *REASON, "--yes"])

    assert result.exit_code == 0, result.output
    assert "1 session ended" in result.output
    assert factors.of(alice) == NONE
    assert recorded("second_factors.removed") == {"ended": 1, "reason": "identity card seen", "by": True}
    assert factor_recovery.open_of(alice.id) is None
    assert any("were removed" in mail.subject for mail in delivered())
    assert runner.invoke(args=["auth", "user", "reset-factors", ALICE, *REASON, "--yes"]).exit_code == 3


def use_key(app: Application, key: str, *fallbacks: str) -> None:
    settings = app.extensions["settings"]
    settings.encryption_key = SecretStr(key)
    settings.encryption_key_fallbacks = [SecretStr(former) for former in fallbacks]


def reseal(runner: FlaskCliRunner, *options: str) -> dict[str, object]:
    result = runner.invoke(args=["auth", "keys", "reseal", "--json", *options])
    return {**json.loads(result.output), "exit": result.exit_code}


def test_all_is_encrypted_anew_and_the_former_key_may_go(
    app: Application, runner: FlaskCliRunner, secret: str, alice: User
) -> None:
    former = app.extensions["settings"].encryption_key.get_secret_value()
    use_key(app, KEY, former)

    assert reseal(runner, "--dry-run") == {"dry_run": True, "current": 0, "former": 3, "lost": 0, "exit": 0}
    assert reseal(runner) == {"dry_run": False, "current": 0, "former": 3, "lost": 0, "exit": 0}
    assert reseal(runner) == {"dry_run": False, "current": 3, "former": 0, "lost": 0, "exit": 0}

    use_key(app, KEY)
    user = db.session.get_one(User, alice.id)
    assert second_factor.show(user, code_for(secret), TEST_CLIENT) == "authenticator_app"
    assert second_factor.show(user, RECOVERY_CODES[1], TEST_CLIENT) == "recovery_code"


def test_without_its_key_the_doctor_and_the_command_say_so(
    app: Application, runner: FlaskCliRunner, secret: str
) -> None:
    use_key(app, KEY)

    checks = {
        check["check"]: check for check in json.loads(runner.invoke(args=["auth", "doctor", "--json"]).output)["checks"]
    }
    assert checks["sealed secrets"]["status"] == "fail"
    assert "3 cannot be opened" in checks["sealed secrets"]["detail"]
    assert reseal(runner) == {"dry_run": False, "current": 0, "former": 0, "lost": 3, "exit": 1}


def test_a_secret_that_was_replaced_meanwhile_is_left_alone(
    app: Application, runner: FlaskCliRunner, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_key(app, KEY, app.extensions["settings"].encryption_key.get_secret_value())
    seal = sealing.seal

    def replaced_meanwhile(text: str, context: str) -> str:
        db.session.execute(update(AuthenticatorApp).values(secret="another"))
        return seal(text, context)

    monkeypatch.setattr(sealing, "seal", replaced_meanwhile)
    reseal(runner)

    assert db.session.scalars(select(AuthenticatorApp.secret)).one() == "another"


def test_a_stolen_key_is_not_simply_thrown_away(runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["auth", "keys", "rotate", "ENCRYPTION_KEY", "--stolen", "--yes"])

    assert (result.exit_code, "keys reseal" in result.output) == (2, True)


def test_a_new_key_says_when_the_former_may_go(app: Application, runner: FlaskCliRunner) -> None:
    result = runner.invoke(args=["auth", "keys", "rotate", "ENCRYPTION_KEY"])

    assert "ENCRYPTION_KEY_FALLBACKS" in result.output
    assert "take it out again after flask --app wsgi auth keys reseal" in result.output
    assert events("keys.rotated") == []
