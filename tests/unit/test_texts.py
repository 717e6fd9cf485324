"""Texts: complete in both languages, readable with any facts unknown, and never an invitation to pay twice."""

import re
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetmon.detect import POLICIES
from fleetmon.explain import CAUSES
from fleetmon.locale import (
    AUDIENCES,
    LANGUAGES,
    Audience,
    Language,
    Matter,
    Told,
    describe,
    elsewhere,
    money,
    name,
    remedy,
    seen,
    summary,
    tell,
    texts,
    time,
    word,
)
from fleetmon.locale.catalogue import blanks, fill, needed
from fleetmon.locale.spoken import SPOKEN
from fleetmon.model.cause import Actor
from fleetmon.model.events import Attribute
from fleetmon.model.responses import CODES, Meaning
from fleetmon.model.standing import Stage, State
from fleetmon.sinks.alertmanager import AlertmanagerSettings, watchdog

FRIDAY, MONDAY = 1_795_170_600_000, 1_795_428_000_000  # 2026-11-20 18:30, 2026-11-23 18:00
IDS = [cause.id for cause in CAUSES]
ACTORS = {cause.id: cause.actor for cause in CAUSES}
FACTS: dict[str, int | str] = {
    "amount": 1_285_000, "currency": "CNY", "sold_at": FRIDAY, "settled_at": FRIDAY + 60_000, "terminal": "T1",
    "rrn": "112233445566", "batch": "000727", "code": "51", "cutoff": 82_800_000, "cycle": "T+1", "day": 20_777,
    "due_at": MONDAY, "late_at": MONDAY + 1_800_000, "late_by": 7_200_000, "again_at": MONDAY + 88_200_000,
    "otherwise_at": FRIDAY, "acquirer": "Bank X", "since_at": FRIDAY, "until_at": FRIDAY + 3_600_000, "terminals": 12,
    "carrier": "CMCC", "region": "yuhua", "host": "Bank Y", "expected": 990_000, "missing": 5_000, "limit": 1_000_000,
    "reason": "chargeback", "told_at": FRIDAY, "credited_at": MONDAY, "posted": "1", "number": "2", "mcc": "5812",
    "posted_mcc": "8398", "valid_to": "2026-06-30", "km": 14, "minutes": 95, "dbm": -113, "rtt_ms": 2600,
    "seconds": 5400, "failures": 7, "requests": 9, "count": 230, "part": "reader",
    "owner": "PRO", "overran": 5_400_000, "by": "void", "cancelled_at": FRIDAY, "closed_at": FRIDAY,
    "result": "not_agree", "event": "late",
}  # fmt: skip
BROKEN = re.compile(
    r"[\[\]{}|]|None|  | [,.;:]|[,;:][,.;:]|\.\.|^[,;:. ]|[,;: ]$|[：，；（][。，；）]|（）|。。|^[，；：。]"
)
SWIPE_AGAIN = re.compile(
    r"(swip|insert|tap|charg|pay)\w* (it |the card )?again|retry|try again"
    r"|重新刷|再刷|重刷|再次刷|重试|重新付款|再付一次",
    re.IGNORECASE,
)


def told(
    cause: str, state: str = "overdue", stage: str = "clearing", facts: dict[str, int | str] | None = None,
    language: Language = "en", audience: Audience = "merchant", *, provisional: bool = False,
) -> Told:  # fmt: skip
    matter = Matter(cause, ACTORS[cause], state, stage, provisional, FACTS if facts is None else facts)
    return tell(matter, language, audience)


def parts(said: Told) -> list[str]:
    return [getattr(said, field) for field in said.__struct_fields__]


def test_both_languages_have_the_same_texts_and_none_is_empty() -> None:
    assert texts("en").keys() == texts("zh").keys()
    assert not [key for language in LANGUAGES for key, text in texts(language).items() if not text.strip()]


@pytest.mark.parametrize("cause", [*IDS, "paid"])
def test_every_cause_has_every_text_and_mentions_only_known_facts(cause: str) -> None:
    fields = ["name", "sentence.merchant", "sentence.staff", *(f"next.{audience}" for audience in AUDIENCES)]
    for language, field in product(LANGUAGES, fields):
        assert texts(language)[f"{cause}.{field}"]
    for language in LANGUAGES:
        for key, text in texts(language).items():
            if key.startswith((f"{cause}.", "headline.", "so.", "who.", "evidence.", "guard.", "again.")):
                assert blanks(text) <= SPOKEN | {"so"}, key
                assert needed(text) <= {"so"}, key


def test_every_spoken_fact_is_tried_here() -> None:
    assert not SPOKEN - {*FACTS, "moved_day", "span", "refusal"}


@pytest.mark.parametrize("facts", [FACTS, {}], ids=["all facts", "no facts"])
def test_every_answer_reads_well(facts: dict[str, int | str]) -> None:
    places = [*product(get_args(State), ["clearing"]), ("overdue", "terminal"), ("not_due", "batch"), ("due", "bank")]
    for cause, language, audience, (state, stage) in product(IDS, LANGUAGES, AUDIENCES, places):
        for part in parts(told(cause, state, stage, facts, language, audience, provisional=stage == "bank")):
            assert part
            assert not BROKEN.search(part), (cause, part)


@given(
    known=st.sets(st.sampled_from(sorted(FACTS))), cause=st.sampled_from(IDS), language=st.sampled_from(LANGUAGES),
    audience=st.sampled_from(AUDIENCES), state=st.sampled_from(get_args(State)),
    stage=st.sampled_from(get_args(Stage)),
)  # fmt: skip
def test_it_reads_well_whatever_is_unknown(
    known: set[str], cause: str, language: Language, audience: Audience, state: str, stage: str
) -> None:
    facts = {fact: FACTS[fact] for fact in known}
    for part in parts(told(cause, state, stage, facts, language, audience)):
        assert part
        assert not BROKEN.search(part), part


@pytest.mark.parametrize("value", [0, -1, "", 2**62, "a word that nobody knows {0} [x|y]"])
def test_strange_values_of_facts_do_no_harm(value: int | str) -> None:
    for cause, language, fact in product(IDS, LANGUAGES, FACTS):
        of_a_message = fact not in ("cutoff", "currency")  # these two are checked before they come here
        if of_a_message and isinstance(FACTS[fact], type(value)):
            assert all(parts(told(cause, facts=FACTS | {fact: value}, language=language)))


def test_nobody_is_told_to_swipe_again() -> None:
    found = {key: text for language in LANGUAGES for key, text in texts(language).items() if SWIPE_AGAIN.search(text)}
    assert not found


@pytest.mark.parametrize(
    ("state", "code"), [("unknown", ""), ("declined", "68"), ("declined", "94"), ("declined", "98")]
)
def test_while_a_reversal_may_be_open_the_warning_comes_first(state: str, code: str) -> None:
    for cause, language, audience in product(IDS, LANGUAGES, AUDIENCES):
        said = told(cause, state, "host", FACTS | {"code": code}, language, audience)
        guard = texts(language)["guard.merchant" if audience == "merchant" else "guard.staff"]
        assert said.next_step.startswith(guard)
        assert ("may have been charged" in said.headline) or ("可能已被扣款" in said.headline)
    assert not told("card_declined", "declined", "done").next_step.startswith(texts("en")["guard.merchant"])


def test_an_acquirers_own_meaning_outranks_the_table() -> None:
    own = told("card_declined", "declined", "done", FACTS | {"code": "94", "class": "card"})
    assert own.sentence == "The bank of the card refused the payment: refused by the bank of the card."
    assert own.headline.startswith("No sale was made")
    assert "may have been charged" in told("host_outage", "declined", "done", FACTS | {"class": "duplicate"}).headline


def test_what_is_not_late_says_so_first() -> None:
    said = told("not_due", "not_due")
    assert said.headline == "Not late: due Monday 23 November by 18:00"
    assert said.sentence == "Sales of Friday 20 November are paid on the next working day."
    said = told("not_due", "not_due", language="zh")
    assert said.headline == "款项未逾期，应于11月23日（周一）18:00前到账"
    assert said.sentence == "11月20日（周五）的交易在下一个工作日（T+1）到账。"
    for cause, state in product(IDS, ("not_due", "due")):
        assert told(cause, state).headline.startswith("Not late")
        assert told(cause, state, language="zh").headline.startswith(("款项未逾期", "款项尚不算逾期"))


def test_a_refund_reads_well_whatever_became_of_it() -> None:
    for language, audience, state, facts in product(LANGUAGES, AUDIENCES, get_args(State), (FACTS, {})):
        matter = Matter("not_due", "nobody", state, "clearing", provisional=False, facts=facts, is_refund=True)
        said = tell(matter, language, audience)
        assert all(part and not BROKEN.search(part) for part in parts(said)), parts(said)
        is_made = state not in ("declined", "unknown", "cancelled")
        assert said.headline.startswith("A refund" if language == "en" else "这是一笔退货") is is_made


def test_the_evidence_ends_in_a_sentence() -> None:
    said = told("carrier_outage", facts=FACTS | {"terminals": 12})
    assert said.evidence.endswith(". 12 terminals were without connection at the same time.")
    said = told("carrier_outage", facts=FACTS | {"terminals": 12}, language="zh")
    assert said.evidence.endswith("提交银行。同一时间共有 12 台终端失去连接。")
    for cause, language, facts in product(IDS, LANGUAGES, (FACTS, {})):
        assert told(cause, facts=facts, language=language).evidence.endswith("。" if language == "zh" else ".")


def test_a_scope_is_told_in_words_and_with_its_names() -> None:
    scope, names = {"firmware": "4.2", "provider": "p1"}, {"provider": ["Field service one"]}
    assert summary("attribute_outage", scope, names, "en") == (
        "Terminals with firmware 4.2, provider p1 (Field service one) are offline"
    )
    assert summary("attribute_outage", scope, names, "zh") == "固件 4.2、服务商 p1（Field service one）的终端同时离线"


def test_a_sale_that_is_on_its_way_needs_nobody() -> None:
    said = told("carrier_outage", "not_due")
    assert said.who == "Nobody any more: the money is on its way"
    assert said.next_step == "There is nothing you need to do: the money has reached the bank and is on its way."
    assert told("carrier_outage", "overdue", "terminal").who == "The mobile carrier, China Mobile"
    assert told("terminal_offline", "overdue", "terminal").who == "You"
    assert told("terminal_offline", "overdue", "terminal", audience="on-call").who == "The merchant"


def test_what_did_not_come_late_is_not_called_late() -> None:
    in_time = {fact: value for fact, value in FACTS.items() if fact != "settled_at"}
    said = told("host_maintenance", "due", facts=in_time)
    assert "late" not in said.sentence
    assert said.who == "The acquirer (Bank X), who pays out the card sales"
    same_day = told("site_outage", "not_due", facts=FACTS | {"sold_at": FRIDAY - 9 * 86_400_000, "day": 20_768})
    assert FACTS["day"] != 20_768
    assert "counts with" not in same_day.sentence
    assert "counts with" in told("site_outage", "not_due", facts=FACTS | {"day": 20_780}).sentence


def test_an_open_batch_is_to_be_closed_whatever_kept_it_open() -> None:
    assert "do the settlement on it." in told("terminal_offline", "overdue", "batch").next_step
    assert "as every day" in told("not_due", "not_due", "batch").next_step
    assert told("batch_not_closed", "overdue", "batch").next_step.count("settlement") == 1


def test_what_is_paid_is_not_explained() -> None:
    said = told("unknown", "paid", "done")
    assert said.headline == "Paid: credited on Monday 23 November at 18:00"
    assert said.sentence == "The money of this sale has been paid out."


def test_codes_mean_something_to_a_merchant() -> None:
    said = told("card_declined", "declined", "done")
    assert said.sentence == "The bank of the card refused the payment: insufficient funds."
    for language in LANGUAGES:
        assert not [code for code in CODES if f"code.{code}" not in texts(language)]
        assert not [meaning for meaning in get_args(Meaning) if f"class.{meaning}" not in texts(language)]


def test_numbers_are_written_as_people_there_write_them() -> None:
    assert [money(1_285_000, language) for language in LANGUAGES] == ["¥12,850.00"] * 2
    assert [money(500, "en", currency) for currency in ("USD", "JPY")] == ["$5.00", "¥500"]
    assert time(MONDAY, "en") == "Monday 23 November at 18:00"
    assert time(MONDAY, "zh") == "11月23日（周一）18:00"


def test_every_word_of_the_contract_is_there() -> None:
    for language in LANGUAGES:
        assert all(word("state", value, language) for value in get_args(State))
        assert all(word("stage", value, language) for value in get_args(Stage))
        assert all(texts(language)[f"who.{actor}"] for actor in get_args(Actor))
        assert all(name(cause, language) and remedy(cause, language) for cause in IDS)


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_every_kind_of_incident_has_texts(kind: str) -> None:
    scope: dict[str, Any] = dict.fromkeys(("terminal", "site", "carrier", "region", "host", "merchant"), "x")
    for language in LANGUAGES:
        summary, description = describe(kind, scope | {"business_date": "2026-11-20"}, 4, MONDAY, language)
        assert summary
        assert not BROKEN.search(summary + description)


def test_what_always_fires_says_so_in_the_language_of_the_alerts() -> None:
    said = {lang: watchdog(0, AlertmanagerSettings(language=lang))["annotations"]["summary"] for lang in LANGUAGES}
    assert said == {
        "en": "fleetmon is alive; its absence is the alarm",
        "zh": "fleetmon 运行正常；收不到本告警才是故障",
    }


def test_where_else_an_outage_may_be_is_told_in_every_language() -> None:
    others = [([{"carrier": "CMCC", "region": "n"}], 0.343), ([{"model": "V5"}, {}], 0.1)]
    assert elsewhere(others, "en") == "carrier CMCC, region n (34%); model V5 and all (10%)"
    assert elsewhere(others, "zh") == "运营商 CMCC、区域 n（34%）；型号 V5 及 全部（10%）"
    for language in LANGUAGES:
        assert all(texts(language)[f"attribute.{name}"] for name in get_args(Attribute))


def test_evidence_is_read_out_in_order_of_time() -> None:
    lines = [
        f"terminal/T1/transaction@{MONDAY} declined 51", f"terminal/T1/state@{FRIDAY} silent since",
        f"terminal/T1/state@{FRIDAY + 3_600_000} silent until", f"host/H/notice/7@{FRIDAY + 1} notice since",
        f"terminal/T1/device@{FRIDAY + 2} printer NoPaper since", "something else",
    ]  # fmt: skip
    assert seen(lines, "en") == [
        "Friday 20 November from 18:30 to 19:30  terminal T1: no sign of life",
        "from Friday 20 November at 18:30 on  H: announced work",
        "from Friday 20 November at 18:30 on  terminal T1: printer not working (NoPaper)",
        "Monday 23 November at 18:00  terminal T1: sale refused (insufficient funds)",
        "something else",
    ]
    assert seen(lines[1:3], "zh") == ["11月20日（周五）18:30至19:30　终端 T1：失联"]


def test_reports_that_follow_each_other_are_one_line_and_a_moment_is_no_span() -> None:
    lines = [
        f"host/H/health@{at} failing H {turn}"
        for begin in (FRIDAY, FRIDAY + 60_000, FRIDAY + 600_000)
        for at, turn in ((begin, "since"), (begin + 60_000, "until"))
    ]
    assert seen(lines, "en") == [
        "Friday 20 November from 18:30 to 18:32  H: requests failing",
        "Friday 20 November from 18:40 to 18:41  H: requests failing",
    ]
    moment = [f"host/H/health@{FRIDAY} failing H since", f"host/H/health@{FRIDAY + 5_000} failing H until"]
    assert seen(moment, "zh") == ["11月20日（周五）18:30　机构 H：请求大量失败"]


def test_a_part_without_its_facts_gives_way() -> None:
    assert fill("a[ {x}|, but {y}]{z}", {"y": "1", "z": "!"}) == "a, but 1!"
    assert fill("a[ {x}]", {}) == "a"
    assert fill("[{x}]", {"x": "[{y}|z]"}) == "[{y}|z]"
    with pytest.raises(KeyError):
        fill("{x}", {})
