"""A self-signed certificate for this machine, made by the `openssl` command when a test needs one."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Who trusts `path` (as SSL_CERT_FILE, say) trusts a server with `server_context()`; nobody else does."""

    path: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context


def make_certificate(folder: Path, names: str = "IP:127.0.0.1,DNS:localhost") -> Certificate | None:
    """Make one in `folder` for these subject names, valid for a day; None if there is no `openssl` here."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(certificate.key), "-out", str(certificate.path)]
    subject = ["-subj", "/CN=Chirp test", "-addext", f"subjectAltName={names}", "-days", "1"]
    subprocess.run([openssl, "req", "-x509", *curve, *files, *subject], check=True, capture_output=True)
    return certificate
