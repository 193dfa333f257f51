"""Form bodies: text fields, and not many. What else a form holds is refused before CSRF, limits and views see it."""

from io import BytesIO
from typing import IO, Any, NoReturn

from flask import Request
from werkzeug.formparser import FormDataParser

from chirp_auth.errors import PayloadTooLarge, UnsupportedMediaType

MAX_FIELDS = 100  # The longest of our forms has seven.
URL_ENCODED = "application/x-www-form-urlencoded"


class TextFields(FormDataParser):
    """Parses a form that has text fields alone."""

    def parse(self, stream: IO[bytes], mimetype: str, *about: Any, **more: Any) -> Any:
        """Return the stream, the fields, and no files.

        Raises:
            UnsupportedMediaType: a field holds a file.
            PayloadTooLarge: there are too many fields; Werkzeug itself counts those of a multipart body only.
        """
        self.stream_factory = _refuse_file
        if mimetype == URL_ENCODED:
            body = stream.read()
            if body.count(b"&") >= MAX_FIELDS:
                raise PayloadTooLarge
            stream = BytesIO(body)
        return super().parse(stream, mimetype, *about, **more)


class FormRequest(Request):
    """A request whose form is text."""

    form_data_parser_class = TextFields


def _refuse_file(*_about: object, **_more: object) -> NoReturn:
    raise UnsupportedMediaType
