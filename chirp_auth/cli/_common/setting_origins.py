"""Where the settings come from, for the commands that say so or write the files."""

from pathlib import Path

from pydantic_settings.sources import DotEnvSettingsSource, EnvSettingsSource

from config import SecretFiles, Settings


def origins() -> dict[str, str]:
    """Return where each setting comes from, by field name: environment, file (also `.env`), or default."""
    variables, written = EnvSettingsSource(Settings), DotEnvSettingsSource(Settings)
    result = dict.fromkeys(Settings.model_fields, "default")
    for source in (written, SecretFiles(Settings, written), SecretFiles(Settings, variables)):
        result |= dict.fromkeys(source().keys() & Settings.model_fields, "file")
    # The `flask` command copies `.env` into the environment.
    own = {name for name, value in variables.env_vars.items() if value != written.env_vars.get(name)}
    return result | dict.fromkeys(variables().keys() & Settings.model_fields & own, "environment")


def file_of(name: str) -> Path | None:
    """Return the file that SECRET_KEY_FILE, for example, names; None if no such variable is set."""
    for source in (EnvSettingsSource(Settings), DotEnvSettingsSource(Settings)):
        if path := source.env_vars.get(f"{name}_file"):
            return Path(path)
    return None
