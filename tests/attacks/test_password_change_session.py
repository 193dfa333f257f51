"""A change of password leaves copies of the session's old tokens worthless, at once and without any grace."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from chirp_auth.accounts import password_change, refresh_tokens, sessions, sign_in
from chirp_auth.clock import now
from chirp_auth.errors import Unauthenticated
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from chirp_auth.models import Session, User
from chirp_auth.security import tokens
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, events
from tests.support.together import OK, in_threads
from tests.support.visitor import bearer, login

V1 = "/api/v1/auth"
OTHER_PASSWORD = "some violet anvils"

pytestmark = [pytest.mark.settings(rate_limits_enabled=False, web_threads=12), pytest.mark.usefixtures("client")]


def change(client: FlaskClient, access_token: str, current: str = PASSWORD, new: str = NEW_PASSWORD) -> Any:
    body = {"current_password": current, "new_password": new, "confirm_password": new}
    return client.post(f"{V1}/change-password", json=body, headers=bearer(access_token))


def me(client: FlaskClient, access_token: str) -> int:
    return client.get(f"{V1}/me", headers=bearer(access_token)).status_code


def spend(client: FlaskClient, refresh_token: str) -> Any:
    return client.post(f"{V1}/refresh", json={"refresh_token": refresh_token})


def living_sessions() -> list[Session]:
    db.session.remove()
    return list(db.session.scalars(select(Session).where(Session.revoked_at.is_(None))))


def test_the_answer_carries_new_tokens_and_the_old_ones_are_dead_at_once(client: FlaskClient, alice: User) -> None:
    old = login(client).get_json()

    answer = change(client, old["access_token"])

    new = answer.get_json()
    assert answer.status_code == 200
    assert list(new) == ["message", "email", "access_token", "token_type", "expires_in", "refresh_token"]
    assert (new["email"], new["token_type"], new["expires_in"]) == (ALICE, "bearer", 3600)
    assert me(client, old["access_token"]) == 401
    assert spend(client, old["refresh_token"]).status_code == 401
    assert me(client, new["access_token"]) == 200
    assert spend(client, new["refresh_token"]).status_code == 200, "the copy's try has not ended the session"


def test_a_token_that_was_spent_a_moment_before_has_no_grace_left(client: FlaskClient, alice: User) -> None:
    first = login(client).get_json()
    second = spend(client, first["refresh_token"]).get_json()

    new = change(client, second["access_token"]).get_json()

    for copied in (first["refresh_token"], second["refresh_token"]):
        assert spend(client, copied).status_code == 401
    for copied in (first["access_token"], second["access_token"]):
        assert me(client, copied) == 401
    assert me(client, new["access_token"]) == 200


def test_the_list_names_the_renewed_session_as_the_current_one(client: FlaskClient, alice: User) -> None:
    old = login(client).get_json()["access_token"]
    new = change(client, old).get_json()["access_token"]

    places = client.get(f"{V1}/sessions", headers=bearer(new)).get_json()["sessions"]

    assert [(place["id"], place["current"]) for place in places] == [(str(tokens.read_access(new)), True)]
    assert tokens.read_access(new) != tokens.read_access(old)


def test_a_refused_change_renews_nothing(client: FlaskClient, alice: User) -> None:
    old = login(client).get_json()

    assert change(client, old["access_token"], current="wrong").status_code == 401

    assert me(client, old["access_token"]) == 200
    assert spend(client, old["refresh_token"]).status_code == 200


def test_of_two_changes_at_once_one_wins_and_keeps_the_only_session(app: Application, alice: User) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    session_id = session.id
    db.session.remove()

    def change_to(password: str) -> None:
        mine = sessions.find(session_id)
        if mine is None:
            raise Unauthenticated
        password_change.change_password(mine, PASSWORD, password, password, TEST_CLIENT)

    outcomes = in_threads(app, [lambda: change_to(NEW_PASSWORD), lambda: change_to(OTHER_PASSWORD)])

    assert outcomes.count(OK) == 1
    assert set(outcomes) - {OK} <= {"InvalidCredentials", "Unauthenticated"}
    (left,) = living_sessions()
    assert left.id != session_id
    assert sessions.find(left.id) is not None


@pytest.mark.parametrize("_round", range(3))
def test_a_refresh_at_the_same_moment_keeps_no_old_token_alive(app: Application, alice: User, _round: int) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    spent, session_id = tokens.mint_refresh(session), session.id
    db.session.remove()

    def change_password() -> None:
        mine = sessions.find(session_id)
        assert mine is not None
        password_change.change_password(mine, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    outcomes = in_threads(app, [change_password, *[lambda: refresh_tokens.refresh(spent, TEST_CLIENT)] * 6])

    assert outcomes[0] == OK
    assert set(outcomes[1:]) <= {OK, "Unauthenticated", "SessionEnded"}
    (left,) = living_sessions()
    assert left.id != session_id
    with pytest.raises(Unauthenticated):
        refresh_tokens.refresh(spent, TEST_CLIENT)
    assert events("session.refresh_reused") == []


def test_a_session_that_is_renewed_while_its_token_is_being_spent_is_refused(
    app: Application, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment between finding the session and spending its token, held open."""
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    spent, find = tokens.mint_refresh(session), sessions.find

    def find_and_wait(session_id: Any) -> Session | None:
        found = find(session_id)
        db.session.commit()
        outcomes = in_threads(app, [change_it])
        assert outcomes == [OK]
        return found

    def change_it() -> None:
        mine = find(session.id)
        assert mine is not None
        password_change.change_password(mine, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    monkeypatch.setattr(sessions, "find", find_and_wait)
    with pytest.raises(Unauthenticated):
        refresh_tokens.refresh(spent, TEST_CLIENT)

    (left,) = living_sessions()
    assert find(left.id) is not None


def test_a_session_that_was_ended_meanwhile_changes_no_password(app: Application, alice: User) -> None:
    session = sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
    db.session.execute(update(Session).values(revoked_at=now()), execution_options={"synchronize_session": False})
    db.session.commit()

    with pytest.raises(Unauthenticated):
        password_change.change_password(session, PASSWORD, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)

    db.session.remove()
    assert events("password.changed") == ["session_ended"]
    assert login(app.test_client()).status_code == 200
