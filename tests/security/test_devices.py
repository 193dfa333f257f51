"""What a device is called: by names that people know, and never by the library that an app is made with."""

import pytest

from chirp_auth.http.routing import Application
from chirp_auth.security.devices import device_in_words, translated_device
from tests.conftest import on_one_database

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8{}) AppleWebKit/537.36 (KHTML, like Gecko) {} Mobile Safari/537.36"

NAMES = {
    ANDROID.format("", "Chrome/125.0.0.0"): "Chrome on Android",
    ANDROID.format("; wv", "Version/4.0 Chrome/125.0.0.0"): "an app on Android",
    "Mozilla/5.0 (Linux; U; Android 4.0.3) AppleWebKit/534.30 Version/4.0 Mobile Safari/534.30": "a browser on Android",
    f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1": "Safari on iOS",
    f"{IPHONE} CriOS/125.0 Mobile/15E148 Safari/604.1": "Chrome on iOS",
    f"{IPHONE} Mobile/15E148": "an app on iOS",
    f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/300]": "Facebook on iOS",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/125.0.0.0 Safari/537.36": "Chrome on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Strange/1.0": "a browser on Windows",
    "Chirpworks/12 CFNetwork/1568.100.1 Darwin/24.0.0": "the Chirpworks app on iOS",
    "Chirpworks/3.1 okhttp/4.12.0": "the Chirpworks app",
    "Somebody/12 CFNetwork/1568.100.1 Darwin/24.0.0": "an app on iOS",
    "Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8)": "an app on Android",
    "okhttp/4.12.0": "an app",
    "Dart/3.5 (dart:io)": "an app",
    "python-requests/2.32": "an app",
    "curl/8.5.0": "curl",
    "nothing that anybody knows": "an unknown device",
    "": "an unknown device",
}


@on_one_database
@pytest.mark.parametrize("user_agent", NAMES)
def test_a_device_has_a_name_that_people_know(app: Application, user_agent: str) -> None:
    assert device_in_words(user_agent) == NAMES[user_agent]
    assert translated_device(user_agent) == NAMES[user_agent]
