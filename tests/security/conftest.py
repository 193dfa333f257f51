"""Each request of a test is one of its own: nothing that Flask keeps for one may reach the next."""

from contextvars import Context
from typing import Any

import pytest
from flask.testing import FlaskClient

from chirp_auth.routing import Application


class Visitor(FlaskClient):
    """A client whose requests do not share the application context that the tests' own calls of rules need."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def _separate_requests(app: Application) -> None:
    app.test_client_class = Visitor
