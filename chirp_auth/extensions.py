"""The extensions, unbound: `create_app` binds them to an application."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, cast

from flask import current_app, request
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
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
    """What all tables share: names of constraints that migrations can rely on."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def client_address() -> str:
    """Return who spends a budget: an IPv4 address, or the /64 network of an IPv6 one.

    One household or one server commonly holds a whole /64, so single IPv6 addresses would be no limit at all.
    """
    told = remote_address()
    if told is None:
        return "unknown"
    address = ip_address(told)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return told


def remote_address() -> str | None:
    """Return the address that TRUSTED_PROXY_HOPS lets us believe, without a port; None if it is no address."""
    told = request.remote_addr or ""
    for text in (told, told.rpartition(":")[0].strip("[]")):  # Some proxies add the port.
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or IPv6Address(int(address))  # without a zone, which can be any text
        return str(address)
    return None


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
if TYPE_CHECKING:  # Flask-SQLAlchemy makes the class at run time, where mypy does not look.
    Model = Base
else:
    Model = db.Model
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)  # Trying again later helps.
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
mail = Mail()
limiter = Limiter(key_func=client_address)
settings = cast("Settings", LocalProxy(lambda: current_app.extensions["settings"]))
