"""The browser face: server-rendered forms that work without JavaScript, a file per journey."""

from chirp_auth.web import (  # noqa: F401 - each module adds its part to the blueprint
    account,
    activity,
    address_change,
    check_mail,
    deletion,
    email_verification,
    forgot_password,
    language_choice,
    not_me,
    password_change,
    password_reset,
    password_strength,
    personal_data,
    profile,
    registration,
    reset_code,
    reset_done,
    security_txt,
    sign_in,
    static_files,
    unwanted_registration,
    verification_links,
)
from chirp_auth.web.blueprint import web as blueprint
from chirp_auth.web.dev_mailbox import dev_mailbox
from chirp_auth.web.error_pages import error_page
from chirp_auth.web.factors import (  # noqa: F401 - each module adds its part to the blueprint
    confirm,
    factor_recovery,
    passkey_factor,
    passkey_sign_in,
    passkeys,
    second_step,
    signing_in,
)
from chirp_auth.web.gallery.views import gallery

__all__ = ["blueprint", "dev_mailbox", "error_page", "gallery"]
