"""Texts for people, in Chinese and English. The core speaks in ids and numbers; the edges ask here."""

from fleetmon.locale.catalogue import LANGUAGES, Language, fill, preferred, texts
from fleetmon.locale.incidents import acknowledged, called_again, describe, elsewhere, summary
from fleetmon.locale.missed import Glimpse, Hush, Miss, missed
from fleetmon.locale.planned import objection
from fleetmon.locale.reworded import reworded
from fleetmon.locale.seen import seen
from fleetmon.locale.situation import Also, Situation, named
from fleetmon.locale.spoken import Facts, count, local_time, moment, money, number, percent, share, span, time
from fleetmon.locale.told import AUDIENCES, Audience, Matter, Told, name, remedy, tell, word

__all__ = [
    "AUDIENCES", "LANGUAGES", "Also", "Audience", "Facts", "Glimpse", "Hush", "Language", "Matter", "Miss",
    "Situation", "Told", "acknowledged", "called_again", "count", "describe", "elsewhere", "fill", "local_time",
    "missed", "moment", "money", "name", "named", "number", "objection", "percent", "preferred", "remedy", "reworded",
    "seen", "share", "span", "summary", "tell", "texts", "time", "word",
]  # fmt: skip
