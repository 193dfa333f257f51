"""Further applications beside the one under test."""

from collections.abc import Callable, Iterator

import pytest

from chirp_auth import create_app
from chirp_auth.extensions import db
from chirp_auth.http.routing import Application
from config import Settings
from tests.support.visitor import Visitor


@pytest.fixture
def build() -> Iterator[Callable[[Settings], Application]]:
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
