"""The box that `make run` prints: where everything is, whom to sign in as, and how to begin again."""

from chirp_auth.admin.demo_accounts import DemoAccount
from config import EVERY_ADDRESS, Settings, in_an_address
from config_network import is_loopback


def drawn(settings: Settings, account: DemoAccount | None) -> str:
    """Return the box as text; `account` is what to sign in with, if there is such an account."""
    url = settings.public_url
    rows = [
        ("App", url),
        ("Mailbox", _mailbox(settings)),
        ("API", f"{url}/api/v1/auth   {url}/api/auth"),
        ("API docs", f"{url}/api/docs"),
        ("Demo account", _demo_account(account)),
        ("Database", str(settings.database_file or "PostgreSQL")),
        ("Begin again", "make reset"),
        ("Stop", "Ctrl-C"),
    ]
    lines = [f"{name:<13} {value}" for name, value in rows]
    width = max(map(len, lines))
    edge = "─" * (width + 2)
    return "\n".join([f"┌{edge}┐", *(f"│ {line:<{width}} │" for line in lines), f"└{edge}┘"])


def _mailbox(settings: Settings) -> str:
    if not settings.has_dev_mailbox:
        return f"none: mail goes to {settings.smtp_host}"
    if settings.host in EVERY_ADDRESS:
        return f"http://127.0.0.1:{settings.port}/dev/mailbox   (from this machine only)"
    if not is_loopback(settings.host):
        return "closed: it is read from this machine only, which HOST=0.0.0.0 allows"
    return f"http://{in_an_address(settings.host)}:{settings.port}/dev/mailbox"


def _demo_account(account: DemoAccount | None) -> str:
    if account is None:
        return "not here: this database has users"
    return f"{account.email}   {account.password or 'with the password that it was given since'}"
