"""Passkey ceremonies (WebAuthn Level 3, 7): what a browser or app is asked, and whether its answer is genuine.

User verification is always required, so that a passkey is two factors at once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import webauthn
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from chirp_auth.extensions import settings
from chirp_auth.models import MAX_CREDENTIAL_ID_BYTES, Passkey, User
from chirp_auth.security import passkey_challenges, passkey_site
from chirp_auth.security.passkey_challenges import NotGenuine, Purpose, challenge_of

MILLISECONDS = int(passkey_challenges.LIFE.total_seconds() * 1000)
MAX_PUBLIC_KEY_BYTES = 2048  # An RSA key of 4096 bits has 530.
ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
]


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a browser or app gets: the options for its WebAuthn call, and the state to send back with the answer."""

    state: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What a genuine registration says."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    aaguid: UUID
    may_sync: bool
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a genuine assertion says."""

    sign_count: int
    may_sync: bool
    is_synced: bool


def begin_registration(user: User, subject: UUID, present: Sequence[Passkey]) -> Ceremony:
    """Return the options that make a passkey for the user, in none of the authenticators that have one already."""
    state = passkey_challenges.mint(Purpose.REGISTRATION, subject)
    options = webauthn.generate_registration_options(
        rp_id=passkey_site.rp_id(),
        rp_name=settings.app_name,
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.display_name,
        challenge=challenge_of(state),
        timeout=MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(present),
        supported_pub_key_algs=ALGORITHMS,
    )
    return Ceremony(state, options_to_json_dict(options))


def begin_assertion(purpose: Purpose, subject: UUID | None = None, allowed: Sequence[Passkey] = ()) -> Ceremony:
    """Return the options that ask for one of these passkeys, or for whichever the person chooses."""
    state = passkey_challenges.mint(purpose, subject)
    options = webauthn.generate_authentication_options(
        rp_id=passkey_site.rp_id(),
        challenge=challenge_of(state),
        timeout=MILLISECONDS,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Ceremony(state, options_to_json_dict(options))


def credential_id_of(credential: Mapping[str, Any]) -> bytes:
    """Return the id of the passkey that answers.

    Raises:
        NotGenuine: there is none.
    """
    try:
        return base64url_to_bytes(str(credential["rawId"]))[: MAX_CREDENTIAL_ID_BYTES + 1]
    except (KeyError, ValueError):
        raise NotGenuine("rawId") from None


def verify_registration(credential: Mapping[str, Any], challenge: bytes) -> NewPasskey:
    """Return the passkey that the answer registers (7.1).

    Raises:
        NotGenuine: the answer is malformed, or not one to this challenge.
    """
    # The answer is hostile until it is verified, and the library lets errors of its parsers through.
    try:
        parsed = parse_registration_credential_json(dict(credential))
        _check_not_framed(parsed.response.client_data_json)
        verified = webauthn.verify_registration_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=passkey_site.rp_id(),
            expected_origin=passkey_site.origins(),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        _check_key(verified.credential_public_key)
    except Exception as error:
        raise NotGenuine(type(error).__name__) from error
    if len(verified.credential_id) > MAX_CREDENTIAL_ID_BYTES or verified.credential_id != parsed.raw_id:
        raise NotGenuine("credential id")
    return NewPasskey(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        sorted({transport.value for transport in parsed.response.transports or ()}),
        UUID(verified.aaguid),
        verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        verified.credential_backed_up,
    )


def verify_assertion(credential: Mapping[str, Any], challenge: bytes, passkey: Passkey, *, known: bool) -> Assertion:
    """Return what the answer by this passkey says (7.2); its counter is for the caller to judge.

    `known` says whether we asked a certain user: whom the answer names must be the passkey's user, and whoever was not
    known before must be named.

    Raises:
        NotGenuine: the answer is malformed, not one to this challenge, or not of this passkey.
    """
    try:
        parsed = parse_authentication_credential_json(dict(credential))
        _check_not_framed(parsed.response.client_data_json)
        verified = webauthn.verify_authentication_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=passkey_site.rp_id(),
            expected_origin=passkey_site.origins(),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # A stale counter is judged after the signature, not before it.
            require_user_verification=True,
        )
    except Exception as error:
        raise NotGenuine(type(error).__name__) from error
    handle = parsed.response.user_handle
    if handle != passkey.user_id.bytes and not (known and handle is None):
        raise NotGenuine("user handle")
    may_sync = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    if may_sync != passkey.may_sync:  # 7.2, step 21: it never changes.
        raise NotGenuine("backup eligibility")
    return Assertion(verified.new_sign_count, may_sync, verified.credential_backed_up)


def _check_not_framed(client_data: bytes) -> None:
    """Refuse what happened in a frame of another site: our pages are in none (7.1, step 10; 7.2, step 13)."""
    if json.loads(client_data).get("crossOrigin"):
        raise NotGenuine("cross origin")


def _check_key(public_key: bytes) -> None:
    """Refuse a key that could never verify anything."""
    if len(public_key) > MAX_PUBLIC_KEY_BYTES:
        raise NotGenuine("public key")
    decoded_public_key_to_cryptography(decode_credential_public_key(public_key))


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=passkey.credential_id, transports=[AuthenticatorTransport(name) for name in passkey.transports] or None
        )
        for passkey in passkeys
    ]
