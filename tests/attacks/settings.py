"""Settings of production as an operator would make them: random keys, all that is demanded."""

from secrets import token_hex, token_urlsafe

PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": token_urlsafe(48),
    "JWT_SECRET": token_hex(32),
    "PUBLIC_URL": "https://auth.example.com",
    "SMTP_HOST": "127.0.0.1",
    "SUPPORT_EMAIL": "help@example.com",
    "BCRYPT_COST": "10",
}
