"""Name and phone number, for their owner to change."""

from flask import Response, flash, redirect, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as Redirect

from chirp_auth.accounts.profile import change_profile
from chirp_auth.errors import ValidationFailed
from chirp_auth.extensions import csrf
from chirp_auth.http.request_context import client
from chirp_auth.languages import gettext as _
from chirp_auth.web.blueprint import FACE, SEE_OTHER, web
from chirp_auth.web.current_session import current_session
from chirp_auth.web.forms import ProfileForm
from chirp_auth.web.pages import page, show_error

FIELDS = ("first_name", "last_name", "phone_number")


@web.route("/profile", methods=["GET", "POST"])
@csrf.exempt
@login_required
def edit_profile() -> Response | Redirect:
    form = ProfileForm(obj=current_user)
    if not form.validate_on_submit():
        return page("profile/edit.html", form=form)
    try:
        change_profile(current_session.user, {name: form.text(name) for name in FIELDS}, client(FACE))
    except ValidationFailed as error:
        show_error(form, error)
        return page("profile/edit.html", error, form=form)
    flash(_("Your details are saved."))
    return redirect(url_for("auth.web.home"), SEE_OTHER)
