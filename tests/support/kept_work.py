"""Spares the applications under test work that is not theirs: what each would compile again, garbage, rich tracebacks.

URLs are built, and statements compiled, by the same code as ever, once for a test process.
"""

import gc
from types import MethodType
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

_STATEMENTS: LRUCache[Any, Any] = LRUCache(2000)


def keep_compiled_urls() -> None:
    """Let rules of the same text share what they are compiled to: that is most of `create_app`."""
    kept: dict[object, tuple[Any, ...]] = {}
    compile_rule = Rule.compile

    def compile_once(self: Rule) -> None:
        key = self.rule, self.subdomain, self.is_leaf, self.strict_slashes, self.merge_slashes
        if self.defaults or key not in kept:
            compile_rule(self)
            builders = self._build.__func__, self._build_unknown.__func__  # type: ignore[attr-defined]
            if not self.defaults:  # The builders hold their values.
                kept[key] = self._parts, self._trace, self._converters, self.arguments, *builders
            return
        self._parts, self._trace, self._converters, self.arguments, build, build_unknown = kept[key]
        self._build, self._build_unknown = MethodType(build, self), MethodType(build_unknown, self)

    Rule.compile = compile_once  # type: ignore[method-assign]


def keep_statements(engine: Engine) -> None:
    """Let engines of one kind of database share the statements that SQLAlchemy compiled."""
    engine.update_execution_options(compiled_cache=_Statements())


class _Statements(dict[Any, Any]):
    """SQLAlchemy looks statements up by the dialect object of their engine, among others; here its kind will do."""

    def get(self, key: Any, default: Any = None) -> Any:
        return _STATEMENTS.get(_of_the_kind(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        _STATEMENTS[_of_the_kind(key)] = compiled


def _of_the_kind(key: Any) -> tuple[Any, ...]:
    dialect, *rest = key
    return type(dialect), dialect.server_version_info, *rest


def log_plain_tracebacks() -> None:
    """Let in-process tests log tracebacks as the application does: the rich ones of structlog take seconds each."""
    *processors, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, renderer])


def collect_seldom() -> None:
    """Let the garbage collector pass over what was imported, and look at the rest less often, as it is short-lived."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
