"""Each request of a test is one of its own: nothing that Flask keeps for one may reach the next."""

from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any

import pytest
from flask.testing import FlaskClient

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from config import Settings


class Visitor(FlaskClient):
    """A client whose requests do not share the application context that the tests' own calls of rules need."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def _separate_requests(app: Application) -> None:
    app.test_client_class = Visitor


@pytest.fixture
def build(app: Application) -> Iterator[Callable[[Settings], Application]]:
    """Make further applications, such as one with other keys; their connections end with the test."""
    built: list[Application] = []

    def build_one(settings: Settings) -> Application:
        another = create_app(settings)
        another.test_client_class = Visitor
        built.append(another)
        return another

    yield build_one
    for another in built:
        with another.app_context():
            db.engine.dispose()
