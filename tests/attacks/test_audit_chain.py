"""Attacks on the sealed trail by somebody who can write to the database and has no key; sealing goes on afterwards."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient, FlaskCliRunner
from pydantic import SecretStr
from sqlalchemy import func, select, text

from chirp_auth import audit
from chirp_auth.accounts import sign_in
from chirp_auth.admin import audit_trail, retention
from chirp_auth.audit import chain, keys, seals
from chirp_auth.clock import now
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.mail import job_locks, outbox
from chirp_auth.models import AuditAnchor, AuditSeal, OutboxEntry, SecurityEvent, User
from chirp_auth.worker import periodic
from config import Settings
from tests.conftest import ALICE, PASSWORD, TEST_CLIENT

OTHER_KEY = "kq81x0Zr4mvT7yWc2dNf9hLs5bPg3jAe"
FORMER_KEY = "Yd72mGq9tRz4xVb1nKc8wLp5sHf3jTe6"


@pytest.fixture
def sealed(app: Application) -> None:
    """Three seals of three events each."""
    for _ in range(3):
        happen(3)
        audit_trail.seal_events()


@pytest.fixture
def head_file(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """AUDIT_HEAD_FILE, of which there is a copy elsewhere."""
    settings.audit_head_file = tmp_path / "heads"
    yield settings.audit_head_file
    settings.audit_head_file = None


def happen(count: int) -> None:
    for n in range(count):
        audit.record("mail.tested", TEST_CLIENT, number=n)
    db.session.commit()


def attack(*statements: str, **values: object) -> None:
    """Change the database past the application."""
    for statement in statements:
        db.session.execute(text(statement), values)
    db.session.commit()
    db.session.remove()


def life_goes_on() -> None:
    for _ in range(2):
        happen(2)
        audit_trail.seal_events()


def verified(runner: FlaskCliRunner, *options: str) -> tuple[int, dict[str, Any]]:
    db.session.remove()
    result = runner.invoke(args=["auth", "audit", "verify", "--json", *options])
    return result.exit_code, json.loads(result.stdout)


def make_anew(number: int) -> None:
    """Give a seal the digests that its events have now, and the following ones the digests of those before."""
    for seal in db.session.scalars(select(AuditSeal).where(AuditSeal.number >= number).order_by(AuditSeal.number)):
        events = db.session.scalars(select(SecurityEvent).where(SecurityEvent.seal == seal.number))
        seal.members = {str(event.id): seals.digest_of(event) for event in events}
        before = db.session.get(AuditSeal, seal.number - 1)
        seal.previous = before.digest if before else "0" * 64
        seal.digest = seals.digest_of_seal(seal)
        db.session.flush()
    db.session.commit()
    db.session.remove()


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("number", [1, 3])
def test_no_later_seal_vouches_for_an_event_that_was_changed(runner: FlaskCliRunner, number: int) -> None:
    attack("UPDATE security_events SET outcome = 'forged' WHERE seal = :number", number=number)
    make_anew(number)

    life_goes_on()

    code, report = verified(runner)
    assert code == 1
    assert any("bears no code" in problem for problem in report["problems"])
    assert report["seals"] == 3, "nothing is built on what does not hold"


@pytest.mark.usefixtures("sealed")
def test_nothing_is_built_on_a_seal_whose_events_were_changed(
    runner: FlaskCliRunner, client: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    attack("UPDATE security_events SET outcome = 'forged' WHERE seal = 3 AND id = 8")

    life_goes_on()

    assert verified(runner)[1]["seals"] == 3
    assert "audit trail broken: nothing is sealed" in capfd.readouterr().out
    assert "chirp_auth_audit_broken 1.0" in client.get("/metrics").text
    assert "chirp_auth_audit_unsealed_events 4.0" in client.get("/metrics").text
    checks = json.loads(runner.invoke(args=["auth", "doctor", "--json"]).stdout)["checks"]
    found = next(check for check in checks if check["check"] == "audit trail")
    assert (found["status"], "Event 8 was changed" in found["detail"]) == ("fail", True)


@pytest.mark.usefixtures("sealed")
def test_the_first_seals_cannot_go_with_their_events(runner: FlaskCliRunner) -> None:
    attack("DELETE FROM security_events WHERE seal <= 2", "DELETE FROM audit_seals WHERE number <= 2")

    life_goes_on()

    code, report = verified(runner)
    assert code == 1
    assert "The trail begins with seal 3, and nothing vouches for that beginning." in report["problems"]


@pytest.mark.usefixtures("sealed")
def test_a_clean_up_vouches_for_its_own_beginning_only(runner: FlaskCliRunner) -> None:
    with time_machine.travel(now() + timedelta(days=2)):
        happen(1)
        retention.purge(TEST_CLIENT, timedelta(days=1))
        assert verified(runner)[0] == 0
        assert db.session.scalars(select(AuditAnchor.number)).all() == [3]
        life_goes_on()
        attack("DELETE FROM security_events WHERE seal = 4", "DELETE FROM audit_seals WHERE number = 4")
        attack("UPDATE audit_anchors SET number = 4")
        life_goes_on()

        code, report = verified(runner)
    assert code == 1
    assert "The beginning bears no code of a configured key: forged, or of a lost key." in report["problems"]


@pytest.mark.usefixtures("sealed")
def test_a_clean_up_does_not_vouch_for_a_beginning_that_was_cut_off(runner: FlaskCliRunner) -> None:
    attack("DELETE FROM security_events WHERE seal = 1", "DELETE FROM audit_seals WHERE number = 1")
    with time_machine.travel(now() + timedelta(days=2)):
        happen(1)
        retention.purge(TEST_CLIENT, timedelta(days=1))

        code, report = verified(runner)
    assert code == 1
    assert any("nothing vouches for that beginning" in problem for problem in report["problems"])


@pytest.mark.usefixtures("sealed")
def test_a_trail_that_was_cleaned_up_as_a_whole_goes_on_where_it_ended(runner: FlaskCliRunner) -> None:
    attack("UPDATE security_events SET at = '2020-01-01 00:00:00'")
    attack("DELETE FROM audit_seals", "UPDATE security_events SET seal = NULL")
    life_goes_on()
    with time_machine.travel(now() + timedelta(days=2)):
        retention.purge(TEST_CLIENT, timedelta(days=1))
        ended_at = db.session.scalars(select(AuditAnchor.number)).one()
        audit_trail.seal_events()

        code, report = verified(runner)
    assert (code, report["first"], report["problems"]) == (0, ended_at + 1, [])


@pytest.mark.usefixtures("sealed")
def test_deleting_everything_leaves_a_trail_that_begins_late(runner: FlaskCliRunner, alice: User) -> None:
    sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    attack("DELETE FROM security_events", "DELETE FROM audit_seals")

    with time_machine.travel(now() + timedelta(hours=1)):
        life_goes_on()

        code, report = verified(runner)
    assert code == 1
    assert "People signed in before the trail begins: what was before is gone." in report["suspicions"]


def test_noted_heads_convict_who_deletes_everything(
    app: Application, runner: FlaskCliRunner, head_file: Path, settings: Settings, tmp_path: Path
) -> None:
    happen(3)
    audit_trail.seal_events()
    copy = tmp_path / "copy"
    copy.write_text(head_file.read_text())
    attack("DELETE FROM security_events", "DELETE FROM audit_seals")
    life_goes_on()
    assert db.session.scalar(select(func.count()).select_from(AuditSeal)) == 0, "this machine remembers its last head"

    head_file.unlink()
    life_goes_on()

    gone = [
        problem for problem in verified(runner, "--head", str(copy))[1]["problems"] if "noted as the head" in problem
    ]
    assert len(gone) == 1
    assert gone[0].startswith("Seal 1 is not the one that was noted")


@pytest.mark.usefixtures("sealed")
def test_noted_heads_convict_who_cuts_off_the_end(runner: FlaskCliRunner, head_file: Path, tmp_path: Path) -> None:
    life_goes_on()
    copy = tmp_path / "copy"
    copy.write_text(head_file.read_text())
    head_file.unlink()
    attack("DELETE FROM security_events WHERE seal >= 4", "DELETE FROM audit_seals WHERE number >= 4")
    assert verified(runner)[0] == 0, "the database alone does not tell"

    code, report = verified(runner, "--head", str(copy))

    assert code == 1
    assert [problem.partition(",")[0] for problem in report["problems"]] == ["Seal 4 is gone", "Seal 5 is gone"]


@pytest.mark.usefixtures("app")
def test_a_head_file_that_is_none_is_said(runner: FlaskCliRunner, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not a head\n")

    result = runner.invoke(args=["auth", "audit", "verify", "--head", str(other)])

    assert result.exit_code == 1
    assert "line 1 is no head" in result.stderr


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("sealed_later", [True, False])
def test_an_event_that_is_back_dated_is_suspicious(runner: FlaskCliRunner, sealed_later: bool) -> None:
    attack(
        "INSERT INTO security_events (at, kind, face, outcome) VALUES (:at, 'user.locked', 'cli', 'ok')",
        at=(now() - timedelta(days=1)).isoformat(sep=" "),
    )
    if sealed_later:
        life_goes_on()

    code, report = verified(runner)
    assert (code, report["problems"], len(report["suspicions"])) == (1, [], 1)
    assert report["suspicions"][0].startswith("Event 10 is ")


@pytest.mark.usefixtures("sealed")
def test_what_is_not_sealed_while_a_worker_lives_is_suspicious_and_without_one_it_is_not(
    runner: FlaskCliRunner,
) -> None:
    happen(2)
    with time_machine.travel(now() + timedelta(hours=1)):
        assert verified(runner)[0] == 0
        job_locks.acquire(job_locks.DELIVERY, job_locks.HEARTBEAT_EVERY)
        code, report = verified(runner)
    assert (code, len(report["suspicions"])) == (1, 1)


@pytest.mark.usefixtures("sealed")
def test_an_event_that_is_sealed_a_second_time_is_found(runner: FlaskCliRunner) -> None:
    attack("UPDATE security_events SET outcome = 'forged', seal = NULL WHERE id = 4")

    life_goes_on()

    code, report = verified(runner)
    assert code == 1
    assert report["problems"][0].startswith("Event 4 was removed (seal 2")


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("column", ["sealed_at = '2020-01-01 00:00:00'", "total = total + 1", "opens_chapter = true"])
def test_nothing_that_a_seal_says_can_be_changed(runner: FlaskCliRunner, column: str) -> None:
    attack(f"UPDATE audit_seals SET {column} WHERE number = 2")

    code, report = verified(runner)
    assert (code, "Seal 2 was changed." in report["problems"]) == (1, True)


@pytest.mark.usefixtures("sealed")
def test_mail_goes_out_though_the_trail_is_broken(alice: User, delivered: Callable[[], list[object]]) -> None:
    attack("UPDATE security_events SET outcome = 'forged' WHERE seal = 3")
    outbox.put("reset_link", ALICE)
    db.session.commit()

    periodic.Schedule().run_due()

    assert len(delivered()) == 1
    assert db.session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.sent_at.is_(None))) == 0


@pytest.mark.usefixtures("app")
def test_a_round_of_sealing_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "SEALING_SECONDS", 0)
    row = {"kind": "x", "outcome": "ok", "face": "test", "at": now()}
    db.session.execute(SecurityEvent.metadata.tables["security_events"].insert(), [row] * (chain.BATCH + 1))
    db.session.commit()

    audit_trail.seal_some_events()
    assert audit_trail.count_unsealed() == 1
    audit_trail.seal_some_events()
    assert audit_trail.count_unsealed() == 0


@pytest.mark.usefixtures("sealed")
def test_looking_for_what_to_seal_walks_over_no_sealed_row() -> None:
    unsealed = "SELECT id FROM security_events WHERE seal IS NULL ORDER BY id LIMIT 500"
    if db.engine.dialect.name == "sqlite":
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {unsealed}"))
    else:
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = db.session.execute(text(f"EXPLAIN {unsealed}"))
    assert "ix_security_events_unsealed" in " ".join(map(str, plan))


@pytest.mark.usefixtures("sealed")
def test_looking_for_the_events_of_a_seal_walks_over_no_others() -> None:
    members = "SELECT id FROM security_events WHERE seal = 2"
    if db.engine.dialect.name == "sqlite":
        plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {members}"))
    else:
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = db.session.execute(text(f"EXPLAIN {members}"))
    assert "ix_security_events_seal" in " ".join(map(str, plan))


def test_a_chain_of_an_earlier_release_goes_on(app: Application, runner: FlaskCliRunner, settings: Settings) -> None:
    seal_as_before(settings, first=4)

    life_goes_on()

    assert verified(runner)[0] == 0
    assert db.session.scalars(select(AuditAnchor.number)).all() == [3]
    assert db.session.scalars(select(AuditSeal.format).order_by(AuditSeal.number)).all() == [1, 1, 2, 2]
    attack("DELETE FROM security_events WHERE seal = 4", "DELETE FROM audit_seals WHERE number = 4")
    assert verified(runner)[0] == 1


def test_nothing_is_built_on_a_forged_seal_of_an_earlier_release(
    app: Application, runner: FlaskCliRunner, settings: Settings
) -> None:
    seal_as_before(settings, first=1)
    attack("UPDATE security_events SET outcome = 'forged' WHERE seal = 2")
    make_anew(2)

    life_goes_on()

    code, report = verified(runner)
    assert (code, report["seals"]) == (1, 2)


def seal_as_before(settings: Settings, first: int) -> None:
    """Make two seals as releases before AUDIT_KEY did, with the signing key and no count."""
    previous = "0" * 64 if first == 1 else "1" * 64
    for number in (first, first + 1):
        happen(2)
        unsealed = select(SecurityEvent).where(SecurityEvent.seal.is_(None)).order_by(SecurityEvent.id)
        events = db.session.scalars(unsealed)
        members = {str(event.id): seals.digest_of(event) for event in events}
        says = [number, previous, [list(member) for member in members.items()]]
        digest = sha256(json.dumps(says, separators=(",", ":")).encode()).hexdigest()
        code = keys.mac(settings.secret_keys[-1], "audit-seal", digest)
        db.session.add(AuditSeal(number=number, format=1, members=members, previous=previous, digest=digest, mac=code))
        db.session.flush()
        db.session.execute(text("UPDATE security_events SET seal = :number WHERE seal IS NULL"), {"number": number})
        db.session.commit()
        previous = digest


def test_the_signing_key_opens_no_trail_that_has_a_key_of_its_own(
    app: Application, runner: FlaskCliRunner, settings: Settings
) -> None:
    for _ in range(2):
        happen(2)
        audit_trail.seal_events()
    settings.audit_key, own = SecretStr(""), settings.audit_key  # The thief has SECRET_KEY alone.
    attack("UPDATE security_events SET outcome = 'forged' WHERE seal = 2")
    make_anew(2)
    seals.sign(db.session.get_one(AuditSeal, 2))
    db.session.commit()
    settings.audit_key = own

    life_goes_on()

    code, report = verified(runner)
    assert (code, report["problems"]) == (1, ["Seal 2 bears a code of SECRET_KEY, although AUDIT_KEY was in use."])


def test_a_rotated_signing_key_breaks_nothing(app: Application, runner: FlaskCliRunner, settings: Settings) -> None:
    happen(2)
    audit_trail.seal_events()
    settings.secret_key = SecretStr(OTHER_KEY)

    life_goes_on()

    assert verified(runner)[0] == 0


def test_without_a_key_of_its_own_the_trail_lives_on_through_the_fallbacks(
    app: Application, runner: FlaskCliRunner, settings: Settings
) -> None:
    settings.audit_key = SecretStr("")
    happen(2)
    audit_trail.seal_events()
    settings.secret_key_fallbacks, settings.secret_key = [settings.secret_key], SecretStr(OTHER_KEY)
    life_goes_on()
    settings.secret_key_fallbacks = []
    assert verified(runner)[0] == 0

    settings.audit_key = SecretStr(FORMER_KEY)
    life_goes_on()
    assert verified(runner)[0] == 0


def test_a_lost_key_needs_an_operators_word(app: Application, runner: FlaskCliRunner, settings: Settings) -> None:
    happen(2)
    audit_trail.seal_events()
    refused = runner.invoke(args=["auth", "audit", "open-chapter", "--yes"])
    assert refused.exit_code == 4
    settings.audit_key = SecretStr(OTHER_KEY)
    life_goes_on()
    assert audit_trail.count_unsealed() == 4

    opened = runner.invoke(args=["auth", "audit", "open-chapter", "--yes"])
    life_goes_on()

    assert (opened.exit_code, "Seal 2 opens a chapter." in opened.stdout) == (0, True)
    code, report = verified(runner)
    assert (code, report["unsealed"]) == (1, 0)
    assert report["problems"] == [
        "Seal 1 bears no code of a configured key, nor does one after it: forged, or of a lost key."
    ]
    assert db.session.scalars(select(SecurityEvent.kind).where(SecurityEvent.kind == "audit.chapter_opened")).all()


def test_an_address_is_found_under_the_keys_of_before(
    app: Application, runner: FlaskCliRunner, settings: Settings
) -> None:
    legacy = audit._digest(ALICE, settings.secret_keys[-1])
    settings.audit_key, own = SecretStr(""), settings.audit_key
    derived = audit.digest(ALICE)
    settings.audit_key = own

    assert {legacy, derived, audit.digest(ALICE)} <= set(audit.digests(ALICE))
    assert len({legacy, derived, audit.digest(ALICE)}) == 3
