"""The stage of the transcripts: what has happened before a request, and the values that it needs."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import time_machine
from flask.testing import FlaskClient

from chirp_auth.accounts import password_reset, registration, sign_in
from chirp_auth.accounts.factors import authenticator_app, factor_recovery, passkey_factor, passkeys
from chirp_auth.accounts.factors.passkey_proofs import Answer
from chirp_auth.accounts.registration import Applicant
from chirp_auth.errors import SecondFactorRequired
from chirp_auth.extensions import db
from chirp_auth.mail import mailbox
from chirp_auth.models import Session, User
from chirp_auth.security import tokens
from chirp_auth.worker import delivery
from tests.conftest import ALICE, NEW_PASSWORD, PASSWORD, TEST_CLIENT, token_in
from tests.support.authenticator import Authenticator
from tests.support.factors import RECOVERY_CODES, code_for, with_authenticator, wrong_code
from tests.support.passkeys import add, answer_to, session_of


@dataclass
class Stage:
    """What a scene can rely on, and do before its request is sent."""

    client: FlaskClient
    clock: time_machine.Traveller
    alice: User
    kept: dict[str, str] = field(default_factory=dict)
    secret: str | None = None

    def link(self) -> str:
        """A fresh reset link's token for Alice."""
        password_reset.request_link(ALICE, TEST_CLIENT)
        return self._mailed()

    def spent_link(self) -> str:
        token = self.link()
        password_reset.reset_password(token, NEW_PASSWORD, NEW_PASSWORD, TEST_CLIENT)
        return token

    def guarded_link(self) -> str:
        """A fresh reset link's token for Alice, whose account asks for a second factor."""
        self._authenticator()
        return self.link()

    def access_while_recovering(self) -> str:
        """An access token of Alice's, while the recovery of her second factors is under way."""
        token = self.access()
        self._authenticator()
        factor_recovery.start(self.alice, TEST_CLIENT, proved="password")
        return token

    def expired_link(self) -> str:
        token = self.link()
        self.clock.shift(timedelta(hours=2))
        return token

    def verification_link(self) -> str:
        registration.register(Applicant("alice@work.example.com", PASSWORD), TEST_CLIENT)
        return self._mailed()

    def expired_verification_link(self) -> str:
        token = self.verification_link()
        self.clock.shift(timedelta(days=4))
        return token

    def two_step_password(self) -> str:
        """Alice's password, while her account asks for a second factor as well."""
        self._authenticator()
        return PASSWORD

    def ticket(self) -> str:
        """The ticket of a sign-in of Alice's whose password was right."""
        self._authenticator()
        try:
            sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        except SecondFactorRequired as step:
            return str(step.ticket)
        raise AssertionError("no second step")

    def expired_ticket(self) -> str:
        ticket = self.ticket()
        self.clock.shift(timedelta(minutes=11))
        return ticket

    def code(self) -> str:
        return code_for(self._authenticator())

    def wrong_code(self) -> str:
        return wrong_code(self._authenticator())

    def set_up_code(self) -> str:
        """A code of an app that Alice is setting up."""
        return code_for(authenticator_app.begin(self._session()).secret)

    def access(self) -> str:
        return tokens.mint_access(self._session())

    def two_step_access(self) -> str:
        self._authenticator()
        return self.access()

    def stale_two_step_access(self) -> str:
        self._authenticator()
        return self.stale_access()

    def stale_access(self) -> str:
        """An access token of a session that has proved nothing for some minutes."""
        token = self.access()
        self.clock.shift(timedelta(minutes=6))
        return token

    def ended_access(self) -> str:
        token = self.access()
        self.client.post("/api/v1/auth/logout", headers={"Authorization": f"Bearer {token}"})
        return token

    def expired_access(self) -> str:
        token = self.access()
        self.clock.shift(timedelta(hours=2))
        return token

    def refresh(self) -> str:
        return tokens.mint_refresh(sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT))

    def reused_refresh(self) -> str:
        token = self.refresh()
        self.client.post("/api/v1/auth/refresh", json={"refresh_token": token})
        self.clock.shift(timedelta(seconds=11))
        return token

    def other_session(self) -> str:
        return str(sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT).id)

    def unverified_address(self) -> str:
        registration.register(Applicant("alice@work.example.com", PASSWORD), TEST_CLIENT)
        return "alice@work.example.com"

    def _session(self) -> Session:
        try:
            return sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        except SecondFactorRequired as step:
            return sign_in.finish(str(step.ticket), RECOVERY_CODES[0], TEST_CLIENT)

    def _authenticator(self) -> str:
        """The secret of Alice's authenticator app, which she has from now on."""
        if self.secret is None:
            self.secret = with_authenticator(self.alice)
        return self.secret

    def asserted_state(self) -> str:
        return self._asserted.state

    def assertion(self) -> str:
        return json.dumps(self._asserted.credential)

    def registered_state(self) -> str:
        return self._registered.state

    def registration(self) -> str:
        return json.dumps(self._registered.credential)

    def registering_access(self) -> str:
        """The access token of the session in which the passkey is added."""
        return tokens.mint_access(self._key_session)

    def ticket_with_passkey(self) -> str:
        """The ticket of a sign-in to an account that has a passkey beside its authenticator app."""
        return self._step

    @cached_property
    def _step(self) -> str:
        self._authenticator()
        add(self._key_session, self._key)
        try:
            sign_in.sign_in(ALICE, PASSWORD, TEST_CLIENT)
        except SecondFactorRequired as step:
            return str(step.ticket)
        raise AssertionError("no second step")

    def stepped_state(self) -> str:
        return self._stepped.state

    def stepping(self) -> str:
        return json.dumps(self._stepped.credential)

    def proved_state(self) -> str:
        return self._proved.state

    def proving(self) -> str:
        return json.dumps(self._proved.credential)

    @cached_property
    def _key(self) -> Authenticator:
        return Authenticator()

    @cached_property
    def _stepped(self) -> Answer:
        began = passkey_factor.begin_second_step(self._step)
        return Answer(began.state, self._key.answer(began.options))

    @cached_property
    def _proved(self) -> Answer:
        add(self._key_session, self._key)
        began = passkey_factor.begin_fresh_proof(self._key_session)
        return Answer(began.state, self._key.answer(began.options))

    def access_with_passkey(self) -> str:
        add(self._key_session, Authenticator(), "My phone")
        return self.registering_access()

    def passkey(self) -> str:
        return str(add(self._key_session, Authenticator(), "My phone").id)

    @cached_property
    def _key_session(self) -> Session:
        return session_of(self.alice)

    @cached_property
    def _asserted(self) -> Answer:
        key = Authenticator()
        add(self._key_session, key)
        return answer_to(key)

    @cached_property
    def _registered(self) -> Answer:
        began = passkeys.begin(self._key_session)
        return Answer(began.state, Authenticator().register(began.options))

    def _mailed(self) -> str:
        while delivery.run_once():
            pass
        db.session.remove()
        return token_in(mailbox.messages()[0])


def fill(stage: Stage, text: str) -> str:
    """Put what the stage's methods make in the place of their names; each name is asked once."""
    for name in (name for name in dir(Stage) if not name.startswith("_")):
        if f"<{name}>" in text:
            made = stage.kept.get(name) or str(getattr(stage, name)())
            stage.kept[name] = made
            text = text.replace(f"<{name}>", made)
    return text
