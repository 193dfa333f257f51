"""Refusals: each has a stable code for programs and a sentence for people.

The sentence is English. One that a page may show is a `Sentence`, so that the page can say it in another language.
"""

from datetime import timedelta
from typing import Self

from chirp_auth.languages import Sentence


class AuthError(Exception):
    """A refusal that a face may show as it is. The sentence contains no secret."""

    code = "INTERNAL_ERROR"
    sentence: str = Sentence("Something went wrong on our side. Please try again.")
    wording: str | None = None
    """The name of the sentence, for contracts in which the code alone does not decide it."""
    challenge: str | None = None
    """The WWW-Authenticate challenge, where the token in the Authorization header is at fault (RFC 6750, 3)."""

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or type(self).sentence
        super().__init__(self.sentence)

    def worded(self, wording: str) -> Self:
        """Return this refusal with another sentence, by name."""
        self.wording = wording
        return self

    def challenged(self) -> Self:
        """Return this refusal as one of the token in the Authorization header (RFC 6750, 3.1)."""
        self.challenge = 'Bearer error="invalid_token"'
        return self


class ValidationFailed(AuthError):
    """The input does not have the required shape; `fields` has a sentence by field name."""

    code = "VALIDATION_FAILED"
    sentence = Sentence("Some of what was sent is missing or not valid.")

    def __init__(self, fields: dict[str, str], sentence: str | None = None) -> None:
        super().__init__(sentence)
        self.fields = fields


class InvalidEmail(AuthError):
    code = "INVALID_EMAIL"
    sentence = Sentence("That is not a valid email address.")


class UserNotFound(AuthError):
    """Raised only where a published contract reveals it, and at the command line."""

    code = "EMAIL_NOT_FOUND"
    sentence = "User not found"


class AccountLocked(AuthError):
    """Only at the command line: other faces answer INVALID_CREDENTIALS."""

    code = "ACCOUNT_LOCKED"
    sentence = "This account is locked. Unlock it first: flask --app wsgi auth user unlock ADDRESS"


class TooManyMails(AuthError):
    """Only at the command line: other faces answer as always."""

    code = "TOO_MANY_MAILS"
    sentence = (
        "This account got its reset mails for this hour, or they are on their way. "
        "Give out a link yourself: flask --app wsgi auth reset link ADDRESS"
    )


class EmailTaken(AuthError):
    code = "EMAIL_TAKEN"
    sentence: str = Sentence("An account with this email address already exists.")


class EmailReserved(EmailTaken):
    """Only at the command line: other faces answer EMAIL_TAKEN."""

    sentence = "An account has left this address in the last seven days and may still come back to it. Try again later."


class InvalidToken(AuthError):
    """Not one of our links, tampered with, or revoked."""

    code = "INVALID_TOKEN"
    sentence = Sentence("This link is not valid.")


class LinkReplaced(InvalidToken):
    """A genuine link that a newer link or a change of the account revoked."""

    sentence = Sentence("This link was replaced by a newer one.")


class LinkNotOpened(InvalidToken):
    """The page of a link in a browser that has not opened one."""


class TokenExpired(AuthError):
    """A genuine link that is too old."""

    code = "TOKEN_EXPIRED"
    sentence = Sentence("This link has expired. Please request a new one.")


class TokenAlreadyUsed(AuthError):
    """A genuine link that was used."""

    code = "TOKEN_ALREADY_USED"
    sentence = Sentence("This link has already been used.")


class PasswordMismatch(AuthError):
    code = "PASSWORD_MISMATCH"
    sentence = Sentence("Passwords do not match")


class PasswordTooWeak(AuthError):
    code = "PASSWORD_TOO_WEAK"
    sentence = Sentence("This password is too easy to guess.")


class PasswordReused(PasswordTooWeak):
    """The account's present password, or a recent one: whoever tries out which one it is pays a limit for it."""


class InvalidCredentials(AuthError):
    """Wrong address or wrong password, never which of the two."""

    code = "INVALID_CREDENTIALS"
    sentence = Sentence("The email address or the password is not right.")


class WrongSecondFactor(InvalidCredentials):
    """The second factor that was shown is wrong, was used before, or comes while a delay is not over."""

    code = "WRONG_SECOND_FACTOR"
    sentence = Sentence("That code is not right, or was used already.")


class WrongPasskey(InvalidCredentials):
    """No passkey of the account, not genuine, answered before, or one that may be a copy; never which of them."""

    sentence = Sentence("That passkey did not work. Please try again, or go on without it.")


class PasskeyRefused(AuthError):
    """A registration that is not genuine, was answered before or too late, or of a passkey that is in use."""

    code = "PASSKEY_REFUSED"
    sentence = Sentence("That passkey could not be added. Please try again.")


class TooManyPasskeys(AuthError):
    code = "TOO_MANY_PASSKEYS"
    sentence = Sentence("This account has as many passkeys as it can have. Remove one that you do not use.")


class LastWayIn(AuthError):
    """What is to be removed is the only thing that opens the account."""

    code = "LAST_WAY_IN"
    sentence = Sentence("This passkey is the only way into your account. Set a password or add another one first.")


class SecondFactorRequired(AuthError):
    """The password or link is right, and the account asks for a second factor; `ticket` stands for the first step."""

    code = "SECOND_FACTOR_REQUIRED"
    sentence = Sentence("This account asks for a second factor.")

    def __init__(self, ticket: str | None = None) -> None:
        super().__init__()
        self.ticket = ticket


class FreshProofRequired(AuthError):
    """What is asked for needs everything that the account asks for, proved in this session minutes ago."""

    code = "FRESH_PROOF_REQUIRED"
    sentence = Sentence("Please show once more that it is you.")


class AddressNotConfirmed(AuthError):
    """A way into the account needs a confirmed address: it must not shut out whoever really reads its mail."""

    code = "ADDRESS_NOT_CONFIRMED"
    sentence = Sentence("Please confirm your email address first.")


class AuthenticatorAppExists(AuthError):
    code = "AUTHENTICATOR_APP_EXISTS"
    sentence = Sentence("This account has an authenticator app already. Remove it first.")


class NoSetUp(AuthError):
    """A code for an authenticator app that nobody is setting up, or not any more."""

    code = "NO_SET_UP"
    sentence = Sentence("No authenticator app is being set up, or it took too long. Please begin again.")


class Unauthenticated(AuthError):
    """The access token or session is missing, invalid, ended or expired."""

    code = "UNAUTHENTICATED"
    sentence = Sentence("Please sign in.")


class NoToken(Unauthenticated):
    """The Authorization header is missing or malformed."""

    challenge = "Bearer"


class SessionEnded(Unauthenticated):
    """The token is genuine, but its session has ended. Only the audit trail shows the difference."""


class RefreshReused(Unauthenticated):
    """The refresh token was used before, so that its session ends now. Only the audit trail shows the difference."""


class RateLimitExceeded(AuthError):
    """A limit is reached; after `retry_after` the next try is allowed."""

    code = "RATE_LIMIT_EXCEEDED"
    sentence = Sentence("Too many attempts. Please try again later.")

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after = retry_after


class ServiceBusy(AuthError):
    """The machine is overloaded, or a service that it needs is unavailable."""

    code = "SERVICE_BUSY"
    sentence = Sentence("The service is busy. Please try again in a few seconds.")

    def __init__(self, retry_after: timedelta = timedelta(seconds=5)) -> None:
        super().__init__()
        self.retry_after = retry_after


class ClientGone(ServiceBusy):
    """The client hung up while it waited: what it asked for was not done, and nobody reads the answer."""


class MalformedRequest(AuthError):
    """Invalid HTTP."""

    code = "BAD_REQUEST"
    sentence = Sentence("The request could not be understood.")


class StaleForm(MalformedRequest):
    """A button or form without a valid CSRF token. The page says why, which its cookie decides."""


class UnsupportedMediaType(AuthError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    sentence = "The body must be JSON: send Content-Type: application/json."


class MalformedJson(AuthError):
    code = "MALFORMED_JSON"
    sentence = "The body is not readable JSON."


class EmptyBody(MalformedJson):
    wording = "EMPTY_BODY"


class PayloadTooLarge(AuthError):
    code = "PAYLOAD_TOO_LARGE"
    sentence = Sentence("The body is too large: 1 MB at most.")


class RequestTimeout(AuthError):
    """A body that did not arrive in time."""

    code = "REQUEST_TIMEOUT"
    sentence = Sentence("The request took too long to arrive. Please try again.")


class NotFound(AuthError):
    code = "NOT_FOUND"
    sentence = Sentence("There is nothing at this address.")


class MethodNotAllowed(AuthError):
    code = "METHOD_NOT_ALLOWED"
    sentence = Sentence("This address does not take that method.")


class InternalError(AuthError):
    """A bug, shown without its trace."""
