"""The measure of what a request costs at the least: a bare Flask route that commits one insert.

The same server, the same database and the same durability as the application; nothing else.
"""

import os
import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Flask, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event
from sqlalchemy.orm import Mapped, mapped_column

app = Flask(__name__)
url = os.environ["BARE_DATABASE_URL"]
app.config["SQLALCHEMY_DATABASE_URI"] = url
pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 0}
if url.startswith("sqlite"):
    pool["connect_args"] = {"isolation_level": "IMMEDIATE"}
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = pool
db = SQLAlchemy(app)


@event.listens_for(Engine, "connect")
def durable(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")


class Asked(db.Model):  # type: ignore[name-defined,misc]  # Flask-SQLAlchemy makes the base class at run time
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    at: Mapped[datetime]


with app.app_context():
    db.create_all()


@app.post("/insert")
def insert() -> Any:
    db.session.add(Asked(email=request.get_json()["email"], at=datetime.now(UTC)))
    db.session.commit()
    return jsonify({"message": "ok"})
