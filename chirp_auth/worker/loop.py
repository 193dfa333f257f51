"""The worker's loop: the periodic jobs and the mail by turns, and a pause when something it needs is away."""

import threading

import structlog
from flask import Flask

from chirp_auth.extensions import DATABASE_AWAY, db, driver_reason
from chirp_auth.mail.smtp import ServerAway
from chirp_auth.worker import periodic
from chirp_auth.worker.delivery import Delivery
from chirp_auth.worker.dispatch import ServerSuspect

AWAY_PAUSE_SECONDS = 5.0
SUSPECT_PAUSE_SECONDS = 1.0  # Short: messages that nobody can deliver must not pass for a server that is away.

log = structlog.get_logger("worker")


def run(app: Flask, stop: threading.Event) -> None:
    """Deliver until `stop` is set; whatever goes wrong is logged and tried again."""
    schedule = periodic.Schedule()
    with Delivery(app) as delivery:
        while not stop.is_set():
            with app.app_context():
                try:
                    schedule.run_beside_mail(lambda: delivery.has_mail)
                    delivery.turn()
                except ServerSuspect as suspect:
                    log.warning("mail server breaks off", error=str(suspect))
                    delivery.pause(SUSPECT_PAUSE_SECONDS)
                except ServerAway as away:
                    log.warning("mail server away", error=str(away))
                    delivery.pause(AWAY_PAUSE_SECONDS)
                except DATABASE_AWAY as error:
                    log.error("database away", error=type(error).__name__, reason=driver_reason(error))
                    stop.wait(AWAY_PAUSE_SECONDS)
                except Exception:  # What was leased falls due again.
                    log.exception("delivery stopped")
                    stop.wait(AWAY_PAUSE_SECONDS)
                finally:
                    db.session.remove()
            delivery.wait(stop)
