"""The people, times and words that the gallery's pages and mails have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from werkzeug.wrappers import Response

from chirp_auth.languages import translated
from chirp_auth.models import User
from chirp_auth.web.forms import Form
from chirp_auth.web.pages import page

EMAIL, OTHER, SLIP = "ada@example.com", "charles@example.org", "ada@exampel.com"
AT = datetime(2026, 11, 20, 20, 47, tzinfo=UTC)
LONG_AGO, SOON = AT - timedelta(days=300), AT + timedelta(days=7)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"

ADA = User(
    id=UUID(int=1),
    email=EMAIL,
    email_key=EMAIL,
    email_verified_at=LONG_AGO,
    first_name="Ada",
    last_name="Lovelace",
    phone_number="+919876543210",
    created_at=LONG_AGO,
    password_changed_at=AT,
)
NEWCOMER = User(id=UUID(int=2), email=EMAIL, email_key=EMAIL, confirm_before=SOON, created_at=AT)


Words = Mapping[str, str | Callable[[], str]]  # What is wrong with a form, by field; the empty name is the form.


@dataclass(frozen=True, slots=True)
class State:
    """A page in one of its states: `show` makes it, for a visitor or for whoever is signed in."""

    show: Callable[[], Response]
    user: User | None = None


def shows(template: str, signed_in: User | None = None, /, **values: Any) -> State:
    """Return the state that a template shows with these values; one that is a function is called for its value."""
    return State(lambda: page(template, **made(values)), signed_in)


def made(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, with those made that are functions: in the language of the page or mail."""
    return {name: value() if callable(value) else value for name, value in values.items()}


def filled(form: type[Form], refusals: Words | None = None, **typed: str) -> Callable[[], Form]:
    """Return what makes the form as it is after this was typed, with what is wrong in sentences of the rules."""

    def make() -> Form:
        made = form(formdata=None, data=typed)
        made.validate()  # It gives each field its list of errors.
        for field in made:
            field.errors = []
        made.form_errors = []
        for name, sentence in (refusals or {}).items():
            made.add_error(name, translated(sentence() if callable(sentence) else str(sentence)))
        return made

    return make
