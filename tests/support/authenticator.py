"""A software authenticator: makes passkeys and answers as a browser with one does; or as an attacker would."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

ORIGIN = "https://auth.example.com"
RP_ID = "auth.example.com"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
ES256, RS256, EDDSA = -7, -257, -8

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


@dataclass
class Authenticator:
    """One passkey. `counts` says whether it has a counter; `flags` are those of every answer."""

    algorithm: int = ES256
    origin: str = ORIGIN
    rp_id: str = RP_ID
    flags: int = UP | UV | BE | BS
    counts: bool = False
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: token_bytes(32))
    user_handle: bytes | None = None
    key: Key = field(init=False)

    def __post_init__(self) -> None:
        if self.algorithm == RS256:
            self.key = rsa.generate_private_key(65537, 2048)
        elif self.algorithm == EDDSA:
            self.key = ed25519.Ed25519PrivateKey.generate()
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())

    def clone(self) -> "Authenticator":
        """Return a copy of the passkey in another device: same key, a counter of its own."""
        key, self.key = self.key, None  # type: ignore[assignment]  # keys cannot be copied
        copy = deepcopy(self)
        self.key = copy.key = key
        return copy

    def register(self, options: dict[str, Any], **client_data: Any) -> dict[str, Any]:
        """Return the answer of `navigator.credentials.create`."""
        assert self.algorithm in {each["alg"] for each in options["pubKeyCredParams"]}
        self.user_handle = decoded(options["user"]["id"])
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + encode_cbor(self._cose_key())
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(self.flags | AT) + attested}
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options, client_data),
            attestationObject=encode_cbor(attestation),
            transports=["internal", "hybrid"],
        )

    def answer(self, options: dict[str, Any], **client_data: Any) -> dict[str, Any]:
        """Return the answer of `navigator.credentials.get`."""
        self.count += self.counts
        data, client = self._data(self.flags), self._client_data("webauthn.get", options, client_data)
        signature = self._sign(data + sha256(client).digest())
        handle = {} if self.user_handle is None else {"userHandle": self.user_handle}
        return self._credential(clientDataJSON=client, authenticatorData=data, signature=signature, **handle)

    def _credential(self, **response: Any) -> dict[str, Any]:
        credential_id = encoded(self.credential_id)
        members = {name: encoded(value) if isinstance(value, bytes) else value for name, value in response.items()}
        return {
            "id": credential_id,
            "rawId": credential_id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": members,
        }

    def _client_data(self, kind: str, options: dict[str, Any], changed: dict[str, Any]) -> bytes:
        members = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**members, **changed}).encode()

    def _data(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message, ec.ECDSA(SHA256()))
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, padding.PKCS1v15(), SHA256())
        return self.key.sign(message)

    def _cose_key(self) -> dict[int, Any]:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            point = self.key.public_key().public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        if isinstance(self.key, rsa.RSAPrivateKey):
            number = self.key.public_key().public_numbers()
            return {1: 3, 3: RS256, -1: number.n.to_bytes(256, "big"), -2: number.e.to_bytes(3, "big")}
        return {1: 1, 3: EDDSA, -1: 6, -2: self.key.public_key().public_bytes_raw()}
