"""The scenes of the transcripts: what a client sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import ALICE, MALLORY, NEW_PASSWORD, PASSWORD


@dataclass(frozen=True)
class Scene:
    """One request. A value `<name>` in it is filled in by the stage's method of that name."""

    name: str
    method: str
    path: str
    body: Mapping[str, Any] | str | None = None
    bearer: str | None = None
    times: int = 1  # The request is repeated so often; the last answer counts.
    settings: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = "application/json"
    broken: str | None = None  # "database" or "bug"


WRONG = "nine wrong guesses"
CONCEALED = {"conceal_accounts": True}
V1, MARKETPLACE, SELLER = "/api/v1/auth", "/api/auth", "/api/auth/reset_password"
PASSWORDS = {"new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD}
FORGED = "WyJieHdORG9vN1RGMmVmd29iTEQxT1h3IiwiIl0.aWdQgA.forged"
PASSKEY_STEP = '{"state": "<stepped_state>", "credential": <stepping>, "ticket": "<ticket_with_passkey>"}'
PASSKEY_PROOF = '{"state": "<proved_state>", "credential": <proving>}'
PASSKEY_ANSWER = '{"state": "<asserted_state>", "credential": <assertion>}'
NEW_PASSKEY = '{"state": "<registered_state>", "credential": <registration>, "name": "My phone"}'
LARGE = '{"email": "' + "a" * (1024 * 1024) + '"}'


def scenes(dialect: str) -> list[Scene]:
    """Return the scenes of one contract."""
    return {"v1": _v1, "marketplace": _marketplace, "seller": _seller, "plain": _plain}[dialect]()


def _common(prefix: str, reset: Callable[[str], dict[str, str]], bearer: bool) -> list[Scene]:
    """Return what v1, marketplace and plain have in common; `reset` makes the body that carries a token."""

    def resetting(name: str, token: str, **changed: str) -> Scene:
        body = {**reset(token), **changed}
        return Scene(name, "POST", f"{prefix}/reset-password", body, bearer=token if bearer else None)

    register, login, forgot = f"{prefix}/register", f"{prefix}/login", f"{prefix}/forgot-password"
    return [
        Scene("forgot-password", "POST", forgot, {"email": ALICE}),
        Scene("forgot-password-unknown-address", "POST", forgot, {"email": MALLORY}),
        Scene("forgot-password-invalid-email", "POST", forgot, {"email": "not an address"}),
        Scene("forgot-password-missing-member", "POST", forgot, {}),
        Scene("forgot-password-mistyped-member", "POST", forgot, {"email": 7}),
        Scene("forgot-password-malformed-json", "POST", forgot, '{"email": '),
        Scene("forgot-password-empty-body", "POST", forgot, ""),
        Scene("forgot-password-too-many", "POST", forgot, {"email": ALICE}, times=4),
        Scene("forgot-password-too-large", "POST", forgot, LARGE),
        Scene("forgot-password-database-away", "POST", forgot, {"email": ALICE}, broken="database"),
        Scene("forgot-password-internal-error", "POST", forgot, {"email": ALICE}, broken="bug"),
        resetting("reset-password", "<link>"),
        resetting("reset-password-invalid-token", FORGED),
        resetting("reset-password-expired-token", "<expired_link>"),
        resetting("reset-password-used-token", "<spent_link>"),
        resetting(
            "reset-password-weak",
            "<link>",
            **dict.fromkeys(reset("").keys() - {"token"}, "short"),
        ),
        Scene("register", "POST", register, {"email": MALLORY, "password": PASSWORD}),
        Scene(
            "register-with-names",
            "POST",
            register,
            {
                "first_name": "Mallory",
                "last_name": "Mason",
                "email": MALLORY,
                "phone_number": "1234567890",
                "password": "securepassword",
            },
        ),
        Scene(
            "register-bad-phone-number",
            "POST",
            register,
            {"email": MALLORY, "password": PASSWORD, "phone_number": "12"},
        ),
        Scene("register-weak-password", "POST", register, {"email": MALLORY, "password": "short"}),
        Scene("register-email-taken", "POST", register, {"email": ALICE, "password": PASSWORD}),
        Scene("register-concealed", "POST", register, {"email": ALICE, "password": PASSWORD}, settings=CONCEALED),
        Scene("register-concealed-new", "POST", register, {"email": MALLORY, "password": PASSWORD}, settings=CONCEALED),
        Scene("login", "POST", login, {"email": ALICE, "password": PASSWORD}),
        Scene("login-wrong-password", "POST", login, {"email": ALICE, "password": WRONG}),
        Scene("login-unknown-address", "POST", login, {"email": MALLORY, "password": WRONG}),
        Scene("login-delayed", "POST", login, {"email": ALICE, "password": WRONG}, times=6),
        Scene(
            "login-not-verified",
            "POST",
            login,
            {"email": "<unverified_address>", "password": PASSWORD},
            settings=CONCEALED,
        ),
        Scene("login-two-steps", "POST", login, {"email": ALICE, "password": "<two_step_password>"}),
    ]


def _outside(prefix: str, path: str) -> list[Scene]:
    return [
        Scene("not-found", "POST", f"{prefix}/nothing-here", {}),
        Scene("method-not-allowed", "DELETE", f"{prefix}{path}"),
        Scene("unsupported-media-type", "POST", f"{prefix}{path}", f"email={ALICE}", content_type="text/plain"),
    ]


def _v1() -> list[Scene]:
    change = {"current_password": PASSWORD, **PASSWORDS}
    mismatch = {**change, "confirm_password": "other"}
    reset, step, app = f"{V1}/reset-password", f"{V1}/login/second-factor", f"{V1}/authenticator-app"
    return [
        *_common(V1, lambda _token: PASSWORDS, bearer=True),
        *_outside(V1, "/forgot-password"),
        Scene("reset-password-no-header", "POST", reset, PASSWORDS),
        Scene("reset-password-mismatch", "POST", reset, {**PASSWORDS, "confirm_password": "other"}, "<link>"),
        Scene("second-factor", "POST", step, {"ticket": "<ticket>", "code": "<code>"}),
        Scene("second-factor-wrong-code", "POST", step, {"ticket": "<ticket>", "code": "<wrong_code>"}),
        Scene("second-factor-expired-ticket", "POST", step, {"ticket": "<expired_ticket>", "code": "<code>"}),
        Scene("second-factor-forged-ticket", "POST", step, {"ticket": FORGED, "code": "<code>"}),
        Scene("reset-password-second-factor-required", "POST", reset, PASSWORDS, "<guarded_link>"),
        Scene(
            "reset-password-wrong-second-factor",
            "POST",
            reset,
            {**PASSWORDS, "second_factor": "AAAA-AAAA-AA"},
            "<guarded_link>",
        ),
        Scene("recovery", "POST", f"{V1}/recovery", bearer="<guarded_link>"),
        Scene("recovery-nothing-lost", "POST", f"{V1}/recovery", bearer="<link>"),
        Scene("recovery-no-header", "POST", f"{V1}/recovery"),
        Scene("recovery-used-token", "POST", f"{V1}/recovery", bearer="<spent_link>"),
        Scene("recovery-cancel", "POST", f"{V1}/recovery/cancel", bearer="<access_while_recovering>"),
        Scene("recovery-cancel-none", "POST", f"{V1}/recovery/cancel", bearer="<access>"),
        Scene("refresh", "POST", f"{V1}/refresh", {"refresh_token": "<refresh>"}),
        Scene("refresh-repeated", "POST", f"{V1}/refresh", {"refresh_token": "<refresh>"}, times=2),
        Scene("refresh-reused", "POST", f"{V1}/refresh", {"refresh_token": "<reused_refresh>"}),
        Scene("refresh-forged", "POST", f"{V1}/refresh", {"refresh_token": FORGED}),
        Scene("logout", "POST", f"{V1}/logout", bearer="<access>"),
        Scene("me", "GET", f"{V1}/me", bearer="<access>"),
        Scene("me-no-token", "GET", f"{V1}/me"),
        Scene("me-ended-session", "GET", f"{V1}/me", bearer="<ended_access>"),
        Scene("me-expired-token", "GET", f"{V1}/me", bearer="<expired_access>"),
        Scene("change-me", "PATCH", f"{V1}/me", {"first_name": "Alicia", "phone_number": "1234567890"}, "<access>"),
        Scene("change-me-bad-phone-number", "PATCH", f"{V1}/me", {"phone_number": "12"}, "<access>"),
        Scene("sessions", "GET", f"{V1}/sessions", bearer="<access>"),
        Scene("end-session", "DELETE", f"{V1}/sessions/<other_session>", bearer="<access>"),
        Scene("end-session-unknown", "DELETE", f"{V1}/sessions/{'0' * 8}-0000-4000-8000-{'0' * 12}", bearer="<access>"),
        Scene("end-other-sessions", "DELETE", f"{V1}/sessions", bearer="<access>"),
        Scene("change-password", "POST", f"{V1}/change-password", change, "<access>"),
        Scene(
            "change-password-wrong",
            "POST",
            f"{V1}/change-password",
            {**change, "current_password": WRONG},
            "<access>",
        ),
        Scene("change-password-no-token", "POST", f"{V1}/change-password", change),
        Scene("change-password-mismatch", "POST", f"{V1}/change-password", mismatch, "<access>"),
        Scene("change-password-no-proof", "POST", f"{V1}/change-password", change, "<stale_two_step_access>"),
        Scene("confirm", "POST", f"{V1}/confirm", {"password": PASSWORD}, "<access>"),
        Scene("confirm-both", "POST", f"{V1}/confirm", {"password": PASSWORD, "code": "<code>"}, "<two_step_access>"),
        Scene("confirm-one-of-two", "POST", f"{V1}/confirm", {"password": PASSWORD}, "<two_step_access>"),
        Scene("confirm-wrong-password", "POST", f"{V1}/confirm", {"password": WRONG}, "<access>"),
        Scene("factors", "GET", f"{V1}/factors", bearer="<two_step_access>"),
        Scene("factors-none", "GET", f"{V1}/factors", bearer="<access>"),
        Scene("authenticator-app", "POST", app, bearer="<access>"),
        Scene("authenticator-app-no-proof", "POST", app, bearer="<stale_access>"),
        Scene("authenticator-app-exists", "POST", app, bearer="<two_step_access>"),
        Scene("authenticator-app-confirm", "POST", f"{app}/confirm", {"code": "<set_up_code>"}, "<access>"),
        Scene("authenticator-app-no-set-up", "POST", f"{app}/confirm", {"code": "492039"}, "<access>"),
        Scene("remove-authenticator-app", "DELETE", app, bearer="<two_step_access>"),
        Scene("remove-authenticator-app-none", "DELETE", app, bearer="<access>"),
        Scene("recovery-codes", "POST", f"{V1}/recovery-codes", bearer="<two_step_access>"),
        Scene("verify-email", "POST", f"{V1}/verify-email", {"token": "<verification_link>"}),
        Scene("verify-email-invalid", "POST", f"{V1}/verify-email", {"token": FORGED}),
        Scene("verify-email-expired", "POST", f"{V1}/verify-email", {"token": "<expired_verification_link>"}),
        Scene("resend-verification", "POST", f"{V1}/resend-verification", {"email": ALICE}),
        Scene("begin-passkey-sign-in", "POST", f"{V1}/passkeys/authentication/options"),
        Scene("sign-in-by-passkey", "POST", f"{V1}/passkeys/authentication", PASSKEY_ANSWER),
        Scene("sign-in-by-passkey-again", "POST", f"{V1}/passkeys/authentication", PASSKEY_ANSWER, times=2),
        Scene("begin-passkey", "POST", f"{V1}/passkeys/registration/options", bearer="<registering_access>"),
        Scene("begin-passkey-stale-proof", "POST", f"{V1}/passkeys/registration/options", bearer="<stale_access>"),
        Scene("add-passkey", "POST", f"{V1}/passkeys/registration", NEW_PASSKEY, "<registering_access>"),
        Scene("add-passkey-again", "POST", f"{V1}/passkeys/registration", NEW_PASSKEY, "<registering_access>", times=2),
        Scene("begin-passkey-proof", "POST", f"{V1}/confirm/passkey/options", bearer="<registering_access>"),
        Scene("confirm-by-passkey", "POST", f"{V1}/confirm/passkey", PASSKEY_PROOF, "<registering_access>"),
        Scene(
            "begin-passkey-second-step",
            "POST",
            f"{V1}/login/second-factor/passkey/options",
            {"ticket": "<ticket>"},
        ),
        Scene("second-step-by-passkey", "POST", f"{V1}/login/second-factor/passkey", PASSKEY_STEP),
        Scene("passkeys", "GET", f"{V1}/passkeys", bearer="<access_with_passkey>"),
        Scene("rename-passkey", "PATCH", f"{V1}/passkeys/<passkey>", {"name": "Telephone"}, bearer="<access>"),
        Scene("remove-passkey", "DELETE", f"{V1}/passkeys/<passkey>", bearer="<access>"),
        Scene("events", "GET", f"{V1}/events?limit=2", bearer="<access>"),
        Scene("events-bad-limit", "GET", f"{V1}/events?limit=many", bearer="<access>"),
    ]


def _marketplace() -> list[Scene]:
    mismatch = {"token": "<link>", **PASSWORDS, "confirm_password": "other"}
    return [
        *_common(MARKETPLACE, lambda token: {"token": token, **PASSWORDS}, bearer=False),
        *_outside(MARKETPLACE, "/forgot-password"),
        Scene("reset-password-mismatch", "POST", f"{MARKETPLACE}/reset-password", mismatch),
        Scene(
            "reset-password-second-factor",
            "POST",
            f"{MARKETPLACE}/reset-password",
            {"token": "<guarded_link>", **PASSWORDS},
        ),
    ]


def _plain() -> list[Scene]:
    return [
        *_common("", lambda token: {"token": token, "new_password": NEW_PASSWORD}, bearer=False),
        Scene(
            "reset-password-second-factor",
            "POST",
            "/reset-password",
            {"token": "<guarded_link>", "new_password": NEW_PASSWORD},
        ),
        Scene("method-not-allowed", "DELETE", "/login", {}),
    ]


def _seller() -> list[Scene]:
    body = {"email": ALICE, "old_password": PASSWORD, "new_password": NEW_PASSWORD}

    def posting(name: str, **changed: Any) -> Scene:
        return Scene(name, "POST", SELLER, {**body, **changed})

    unknown = {"email": MALLORY}
    return [
        posting("reset-password"),
        posting("reset-password-empty-field", old_password=""),
        posting("reset-password-empty-email", email=""),
        posting("reset-password-mistyped-field", new_password=7),
        Scene("reset-password-missing-fields", "POST", SELLER, {}),
        Scene("reset-password-empty-body", "POST", SELLER, ""),
        posting("reset-password-invalid-email", email="not an address"),
        posting("reset-password-short-password", new_password="short"),
        posting("reset-password-easy-password", new_password="password1"),
        posting("reset-password-wrong-old-password", old_password=WRONG),
        posting("reset-password-two-steps", old_password="<two_step_password>"),
        posting("reset-password-unknown-address", **unknown),
        Scene("reset-password-concealed", "POST", SELLER, {**body, **unknown}, settings=CONCEALED),
        Scene("reset-password-delayed", "POST", SELLER, {**body, "old_password": WRONG}, times=6),
        Scene("reset-password-too-many", "POST", SELLER, {**body, "old_password": WRONG}, times=31),
        Scene("reset-password-malformed-json", "POST", SELLER, '{"email": '),
        Scene("reset-password-too-large", "POST", SELLER, LARGE),
        Scene("reset-password-database-away", "POST", SELLER, body, broken="database"),
        Scene("reset-password-internal-error", "POST", SELLER, body, broken="bug"),
        Scene("not-found", "POST", f"{SELLER}/nothing-here", {}),
        Scene("method-not-allowed", "GET", SELLER),
        Scene("unsupported-media-type", "POST", SELLER, "email=", content_type="text/plain"),
    ]
