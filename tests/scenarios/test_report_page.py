"""A report as others read it: JSON that comes back as it went, a page that is one file."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from msgspec.structs import replace

from fleetmon.locale import LANGUAGES, Language
from fleetmon.web.report.page import page
from fleetmon.web.report.text import text
from fleetmon.web.report.views import GapView, ReportView

from .night import Make, silence
from .world import HOUR

HOSTILE = '<script>alert(1)</script>" onload="x'


async def test_json_comes_back_as_it_went_with_times_of_the_zone(night: Make) -> None:
    made = night()
    silence(made, *made.a)
    made.until(5 * HOUR)
    found = await made.report(5, zone="Europe/Berlin")
    written = msgspec.json.encode(found)
    assert msgspec.json.decode(written, type=ReportView) == found
    told = msgspec.json.decode(written)
    assert (told["begin"], told["end"]) == ("2026-09-24T06:00:00+02:00", "2026-09-24T11:00:00+02:00")
    assert text(msgspec.json.decode(written, type=ReportView), "en") == text(found, "en")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_is_one_file_without_scripts_or_requests(night: Make, language: Language) -> None:
    made = night(merchant=HOSTILE)
    made.until(2 * HOUR)
    made.sell("a1", "kept", stage="stored", amount=1_000_000, rrn="411700000123")
    made.stop(*made.a)
    made.until(4 * HOUR)
    found = await made.report(6)
    written = page(found, language)
    tags = Tags()
    tags.feed(written)
    assert tags.open == []
    assert not tags.seen & {"script", "img", "link", "iframe", "object", "image", "use"}
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name in ("src", "href", "xlink:href")]
    assert "alert(1)" in written, "the name is shown"
    assert not re.search(r"https?://|@import|url\((?!#)", written)
    assert "prefers-color-scheme: dark" in written
    assert re.search(r"<svg[^>]*role=\"img\".*<title[^>]*>.+</title><desc[^>]*>.+</desc>", written)
    assert re.search(r"<figcaption>.*14:00.*", written), "the worst hour is said in words"
    for secret in ("411700000123", "6222"):
        assert secret not in written + text(found, language)


async def test_what_was_not_seen_has_its_key_and_is_not_told_as_good(night: Make) -> None:
    made = night()
    made.until(2 * HOUR)
    whole = await made.report(2)
    gap = GapView(whole.begin, whole.hours[0].end, "unwatched", None)
    partial = replace(whole, data=replace(whole.data, gaps=[gap]))
    assert "In the whole time 100%." in text(whole, "en")
    assert "Of the time that we watched 100%." in text(partial, "en")
    seen, hatched = page(whole, "en"), page(partial, "en")
    assert "Nothing was lost in any hour." in seen
    assert "Nothing was lost in what we saw. Hatched: not seen by us" in hatched
    assert ("</span>not seen" in seen, "</span>not seen" in hatched) == (False, True)
