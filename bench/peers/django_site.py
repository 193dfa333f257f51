# mypy: ignore-errors
"""Django's own password reset as it comes; `python django_site.py` makes its database and the accounts."""

from django.contrib import admin
from django.urls import include, path
from django_common import configure, create_accounts

application = configure(__name__)
urlpatterns = [path("admin/", admin.site.urls), path("accounts/", include("django.contrib.auth.urls"))]

if __name__ == "__main__":
    create_accounts()
