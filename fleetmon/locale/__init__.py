"""Texts for people, in Chinese and English. The core speaks in ids and numbers; the edges ask here."""

from fleetmon.locale.incidents import LANGUAGES, Language, describe, local_time

__all__ = ["LANGUAGES", "Language", "describe", "local_time"]
