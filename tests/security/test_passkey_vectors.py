"""The ceremonies of the specification's own test vectors (WebAuthn Level 3, section 16), judged by our rules.

Its relying party is example.org. Two of our rules are stricter than the library's: the person must be verified, which
the vectors set and leave out by turns, and no other site may frame the page.
"""

import json
from typing import Any
from uuid import UUID

import pytest
from webauthn import verify_authentication_response
from webauthn.helpers import encode_cbor

from chirp_auth.http.routing import Application
from chirp_auth.models import Passkey
from chirp_auth.security import passkey_ceremonies
from chirp_auth.security.passkey_challenges import NotGenuine
from tests.conftest import on_one_database
from tests.support.authenticator import decoded, encoded

RP = "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5"  # SHA-256 of example.org
EXTENDED = "clientDataJSON may be extended with additional fields in the future, such as this: "

pytestmark = [on_one_database, pytest.mark.settings(public_url="https://example.org")]


def client_data(kind: str, challenge: str, *, framed: bool = False, extra: str | None = None) -> bytes:
    """Return the client data as the vectors have it, to the byte: it is signed."""
    members: dict[str, Any] = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": "https://example.org"}
    members["crossOrigin"] = framed
    if extra:
        members["extraData"] = EXTENDED + extra
    return json.dumps(members, separators=(",", ":")).encode()


def es256(x: str, y: str) -> bytes:
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: bytes.fromhex(x), -3: bytes.fromhex(y)})


NONE_ES256 = es256(
    "afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61",
    "930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
)
SELF_ES256 = es256(
    "eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5",
    "927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
)
LONG_ES256 = es256(
    "3b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e90cb1",
    "1436d5edc9a75f23999eef9d5950a5c2455514ee1014084720f841a06b828a11",
)
FRAMED_ES256 = es256(
    "22200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d",
    "cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
)
EDDSA = encode_cbor(
    {1: 1, 3: -8, -1: 6, -2: bytes.fromhex("44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832")}
)

REGISTRATIONS: dict[str, tuple[bytes, str, str, str | None]] = {
    "self attestation, verified": (
        client_data("create", "eGnCt3LUtY66k3jPjynibPk1qnffDaifqZwL3Ap29-U", extra="U9hTXvKE2URkMnb_0xYHVg"),
        "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581"
        "c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d6861757468446174"
        f"6158a4{RP}5d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca"
        f"129cbef58c{SELF_ES256.hex()}",
        "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
        "df850e09-db6a-fbdf-ab51-697791506cfc",
    ),
    "no attestation, not verified": (
        client_data("create", "AMMPt4UxxGTStncdq417YDwBFi8vpIa-pw8oOuVW4TA", extra="BkQeDjdcTBrXBiAwJTLE5Q"),
        f"a363666d74646e6f6e656761747453746d74a068617574684461746158a4{RP}59000000008446ccb9ab1db374750b2367ff6f3a1f0020"
        f"f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4{NONE_ES256.hex()}",
        "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
        None,
    ),
}

# Client data, authenticator data, signature, key; and whether the person was verified and the page in no frame.
ASSERTIONS: dict[str, tuple[bytes, str, str, bytes, bool]] = {
    "long credential id, verified": (
        client_data("get", "7x3rpW3OSPZ0pEfM9juVmSWM6HZI5cOW8u8ModpGDjs"),
        f"{RP}0d00000000",
        "304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd022100d2ace346db262b1374a6b70faa51f518"
        "a42ddca13a4125ce6f5052a75bac9fb6",
        LONG_ES256,
        True,
    ),
    "no attestation, not verified": (
        client_data("get", "OcDnUhQXulTUPo3JUXT0I97pvzzYBP9tZchXyav01Ag"),
        f"{RP}1900000000",
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd"
        "5d78c6e486013f937295ea13653e331e87",
        NONE_ES256,
        False,
    ),
    "in a frame, verified": (
        client_data("get", "h2qlF7qD_e5l_P_bykyE7q5dVPgEGh_IXJkeW7snMTc", framed=True, extra="92pcTVD0Aby-q4dtmj6efg"),
        f"{RP}0500000000",
        "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c56f30837cda6a0"
        "9acfa2e915544e609c0733b1184036d1cf",
        FRAMED_ES256,
        False,
    ),
    "EdDSA, not verified": (
        client_data("get", "iVlX4BxjOmmDSKLYoxpUt9sn6MHEOyCA15riGQJnv9I"),
        f"{RP}0100000000",
        "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223"
        "a0dc0d453993dae00b",
        EDDSA,
        False,
    ),
}


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_registrations_of_the_specification(app: Application, name: str) -> None:
    data, attestation, credential_id, aaguid = REGISTRATIONS[name]
    response = {"clientDataJSON": encoded(data), "attestationObject": encoded(bytes.fromhex(attestation))}
    credential = _credential(bytes.fromhex(credential_id), response)
    challenge = decoded(json.loads(data)["challenge"])

    if aaguid is None:  # Genuine, but nobody was verified.
        with pytest.raises(NotGenuine, match="InvalidRegistrationResponse"):
            passkey_ceremonies.verify_registration(credential, challenge)
        return
    new = passkey_ceremonies.verify_registration(credential, challenge)
    assert (new.credential_id.hex(), new.aaguid) == (credential_id, UUID(aaguid))
    assert (new.may_sync, new.is_synced, new.sign_count) == (True, True, 0)
    with pytest.raises(NotGenuine):
        passkey_ceremonies.verify_registration(credential, challenge[::-1])


@pytest.mark.parametrize("name", ASSERTIONS)
def test_assertions_of_the_specification(app: Application, name: str) -> None:
    data, authenticator_data, signature, public_key, is_ours = ASSERTIONS[name]
    flags = bytes.fromhex(authenticator_data)[32]
    passkey = Passkey(user_id=UUID(int=1), public_key=public_key, may_sync=bool(flags & 0x08))
    response = {
        "clientDataJSON": encoded(data),
        "authenticatorData": encoded(bytes.fromhex(authenticator_data)),
        "signature": encoded(bytes.fromhex(signature)),
    }
    credential = _credential(b"any: no part of what is signed", response)
    challenge = decoded(json.loads(data)["challenge"])

    if is_ours:
        assertion = passkey_ceremonies.verify_assertion(credential, challenge, passkey, known=True)
        assert (assertion.sign_count, assertion.is_synced) == (0, False)
    else:
        with pytest.raises(NotGenuine):
            passkey_ceremonies.verify_assertion(credential, challenge, passkey, known=True)
    changed = bytearray(bytes.fromhex(signature))
    changed[-1] ^= 1
    forged = _credential(b"any", {**response, "signature": encoded(bytes(changed))})
    with pytest.raises(NotGenuine):
        passkey_ceremonies.verify_assertion(forged, challenge, passkey, known=True)


@pytest.mark.parametrize("name", [name for name, row in ASSERTIONS.items() if not row[-1]])
def test_the_other_assertions_fail_by_our_stricter_rules_alone(app: Application, name: str) -> None:
    data, authenticator_data, signature, public_key, _is_ours = ASSERTIONS[name]
    response = {
        "clientDataJSON": encoded(data),
        "authenticatorData": encoded(bytes.fromhex(authenticator_data)),
        "signature": encoded(bytes.fromhex(signature)),
    }

    verify_authentication_response(
        credential=_credential(b"any", response),
        expected_challenge=decoded(json.loads(data)["challenge"]),
        expected_rp_id="example.org",
        expected_origin="https://example.org",
        credential_public_key=public_key,
        credential_current_sign_count=0,
    )


def _credential(credential_id: bytes, response: dict[str, str]) -> dict[str, Any]:
    name = encoded(credential_id)
    return {"id": name, "rawId": name, "type": "public-key", "response": response}
