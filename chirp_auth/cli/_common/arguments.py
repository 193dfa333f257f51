"""Kinds of arguments: moments and IP addresses."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Any

import click

from chirp_auth.cli._common.prompts import Span
from chirp_auth.clock import now


class Moment(click.ParamType[datetime]):
    """A moment: a span before now such as 30m or 7d, or a time in RFC 3339 (in UTC where it names no zone)."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if value[-1:] in tuple("smhd"):
            span: timedelta = Span().convert(value, param, ctx)
            return now() - span
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("write a time such as 2026-11-20T20:47:00Z, or how long ago, such as 30m or 7d.", param, ctx)


class Ip(click.ParamType[str]):
    """An IP address, in the form in which the audit trail has it."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            address = ip_address(value)
        except ValueError:
            self.fail("write an IP address such as 203.0.113.7 or 2001:db8::7.", param, ctx)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
