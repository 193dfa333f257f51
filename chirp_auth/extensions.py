"""The extensions, unbound: `create_app` binds them to an application."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, cast

from flask import current_app, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_mail import Mail
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase
from werkzeug.local import LocalProxy

if TYPE_CHECKING:
    from config import Settings


class Base(DeclarativeBase):
    """The base of all tables: it names constraints, so that migrations can rely on their names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def client_address() -> str:
    """Return the client for whom a limit counts: see `network_of`."""
    return network_of(remote_address())


@lru_cache(maxsize=1024)
def network_of(ip: str | None) -> str:
    """Return the IPv4 address, or the /64 network of an IPv6 one.

    A household or a server commonly has a whole /64, so that a limit per IPv6 address would be none.
    """
    if ip is None:
        return "unknown"
    address = ip_address(ip)
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else ip


def remote_address() -> str | None:
    """Return the client's address as TRUSTED_PROXY_HOPS lets us trust it, without a port; None if it is no address."""
    return _address_in(request.remote_addr or "")


@lru_cache(maxsize=1024)
def _address_in(remote: str) -> str | None:
    for text in (remote, remote.rpartition(":")[0].strip("[]")):  # Some proxies add the port.
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or IPv6Address(int(address))  # Without its zone, which can be any text.
        return str(address)
    return None


_SESSION_OPTIONS = {
    "expire_on_commit": False,
    "execution_options": {"synchronize_session": False},  # What an UPDATE or DELETE changes is read again where needed.
}
db = SQLAlchemy(model_class=Base, session_options=_SESSION_OPTIONS)
if TYPE_CHECKING:  # Flask-SQLAlchemy makes the class at run time, which mypy cannot follow.
    Model = Base
else:
    Model = db.Model
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)  # A later try may succeed.


def driver_reason(error: Exception) -> str:
    """Return what the driver said, its first line: it has neither the statement nor its values."""
    return str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]


login_manager = LoginManager()
csrf = CSRFProtect()
mail = Mail()
babel = Babel()
limiter = Limiter(key_func=client_address)  # It counts when `security.limits` asks it to, once the input is valid.
settings = cast("Settings", LocalProxy(lambda: current_app.extensions["settings"]))
