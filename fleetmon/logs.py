"""Logs: one line an event on standard error, logfmt or JSON, UTC; card numbers are cut on the way out."""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from fleetmon.config import LogSettings
from fleetmon.model.cards import masked


def configure(settings: LogSettings) -> None:
    """Set up structlog for the whole process."""
    keys = ("ts", "level", "logger", "msg")
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else structlog.processors.LogfmtRenderer(key_order=keys, drop_missing=True, bool_as_flag=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("msg"),
            _cut_cards,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _cut_cards(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}
