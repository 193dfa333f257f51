# mypy: ignore-errors
"""django-allauth's password reset as it comes, without its rate limits; run alone, it makes its database."""

from django.urls import include, path
from django_common import SETTINGS, configure, create_accounts

application = configure(
    __name__,
    INSTALLED_APPS=[*SETTINGS["INSTALLED_APPS"], "allauth", "allauth.account"],
    MIDDLEWARE=[*SETTINGS["MIDDLEWARE"], "allauth.account.middleware.AccountMiddleware"],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ACCOUNT_RATE_LIMITS=False,
)
urlpatterns = [path("accounts/", include("allauth.urls"))]

if __name__ == "__main__":
    from allauth.account.models import EmailAddress

    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in create_accounts()
    )
