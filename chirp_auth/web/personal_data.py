"""The download of one's own data, with the password once more."""

from flask import Response, current_app
from flask_login import current_user, login_required

from chirp_auth.accounts import personal_data, policy
from chirp_auth.accounts.policy import Act
from chirp_auth.errors import AuthError
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.security import limits
from chirp_auth.web.blueprint import FACE, web
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import PasswordOnceMoreForm
from chirp_auth.web.pages import page, show_error

FILE_NAME = "account-data.json"


@web.route("/download-data", methods=["GET", "POST"])
@csrf.exempt
@login_required
def download_data() -> Response:
    policy.require(Act.DOWNLOAD_DATA, current_session)
    form = PasswordOnceMoreForm().asking(current_user)
    if not form.validate_on_submit():
        return _form_page(form)
    try:
        limits.sign_in()
        data = personal_data.download(current_session, form.text("password"), client(FACE))
    except AuthError as error:
        show_error(form, error, INVALID_CREDENTIALS=("password", _("That is not your password.")))
        return _form_page(form, error)
    response = Response(current_app.json.dumps(data, indent=2), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


def _form_page(form: PasswordOnceMoreForm, error: AuthError | None = None) -> Response:
    return page("personal_data/download.html", error, form=form, email=current_user.email)
