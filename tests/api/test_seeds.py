"""The sample requests of the published documents, as printed there, work."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chirp_auth.accounts import password_reset, registration
from chirp_auth.accounts.registration import Applicant
from chirp_auth.mail.mailbox import Mail
from tests.api.talk import told
from tests.conftest import TEST_CLIENT, token_in

JSON = "application/json"


def test_the_plain_samples(client: FlaskClient, delivered: Callable[[], list[Mail]]) -> None:
    registration_body = """{
    "first_name": "Vaish",
    "last_name": "Bhambure",
    "email": "vaishb@gmail.com",
    "phone_number": "1234567890",
    "password": "securepassword"
  }"""
    registered = client.post("/register", data=registration_body, content_type=JSON)
    assert registered.status_code == 201
    assert list(told(registered)) == ["message", "user", "access_token", "token_type"]
    assert told(registered)["user"]["phone_number"] == "+911234567890"

    login_body = '{\n "email": "vaishb@gmail.com",\n"password": "securepassword"\n}'
    signed_in = client.post("/login", data=login_body, content_type=JSON)
    assert (signed_in.status_code, told(signed_in)["token_type"]) == (200, "bearer")

    asked = client.post("/forgot-password", data='{\n  "email": "vaishb@gmail.com"\n}', content_type=JSON)
    assert (asked.status_code, list(told(asked))) == (200, ["message"])

    reset_body = '{\n  "token": "your_reset_token",\n  "new_password": "your_new_secure_password"\n}'
    refused = client.post("/reset-password", data=reset_body, content_type=JSON)
    assert (refused.status_code, list(told(refused))) == (400, ["detail"])
    genuine = reset_body.replace("your_reset_token", token_in(delivered()[0]))
    assert client.post("/reset-password", data=genuine, content_type=JSON).status_code == 200


@pytest.fixture
def ask_for(delivered: Callable[[], list[Mail]]) -> Callable[[str], str]:
    def ask_and_read(email: str) -> str:
        registration.create(Applicant(email, "seven quiet herons"), TEST_CLIENT)
        password_reset.request_link(email, TEST_CLIENT)
        return token_in(delivered()[0])

    return ask_and_read


def test_the_marketplace_samples(client: FlaskClient, ask_for: Callable[[str], str]) -> None:
    token = ask_for("john.doe@example.com")
    asked = client.post("/api/auth/forgot-password", json={"email": "john.doe@example.com"})
    assert told(asked) == {"success": True, "message": "Password reset email sent if account exists"}

    body = {"token": token, "new_password": "NewSecurePass123!", "confirm_password": "NewSecurePass123!"}
    assert told(client.post("/api/auth/reset-password", json=body)) == {
        "success": True,
        "message": "Password reset successfully",
    }


def test_the_mobile_samples(client: FlaskClient, ask_for: Callable[[str], str]) -> None:
    token = ask_for("test@example.com")

    body = {"new_password": "NewPassword123!", "confirm_password": "NewPassword123!"}
    answer = client.post("/api/v1/auth/reset-password", json=body, headers={"Authorization": f"Bearer {token}"})

    assert told(answer) == {
        "message": "Password has been reset successfully. Please login with your new password.",
        "email": "test@example.com",
    }


def test_the_seller_sample(client: FlaskClient) -> None:
    seller = registration.create(Applicant("seller@example.com", "currentPassword123"), TEST_CLIENT)
    body = {
        "email": "seller@example.com",
        "old_password": "currentPassword123",
        "new_password": "newSecurePassword123",
    }

    answer = client.post("/api/auth/reset_password", json=body)

    assert (answer.status_code, told(answer)) == (
        200,
        {
            "message": "Password reset successful. A confirmation email has been sent.",
            "user_id": str(seller.id),
        },
    )
