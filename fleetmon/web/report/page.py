"""A report as one HTML page: no script, nothing loaded from anywhere, light or dark as the reader has it.

It reads well without its style sheet and without the picture too, as mail programs leave away what they like. All that
comes from outside (names of merchants, reasons of planned work) is escaped.
"""

from html import escape
from typing import Final

from fleetmon.locale import Language, texts
from fleetmon.web.report.picture import is_partial, picture, said
from fleetmon.web.report.views import ReportView
from fleetmon.web.report.words import Section, Verdict, words

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2429; --soft: #5b6770; --paper: #ffffff; --card: #f4f6f7; --line: #dde2e5;
  --good: #1f7a6f; --warning: #a86400; --bad: #b8324a; --unknown: #5b6770; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 46rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft, figcaption { color: var(--soft); font-size: .9rem; }
.verdict { background: var(--card); border-left: .3rem solid var(--unknown); border-radius: .25rem; margin: .75rem 0;
  padding: .6rem .9rem; } .verdict b { font-size: 1.05rem; }
.good { border-color: var(--good); } .warning { border-color: var(--warning); } .bad { border-color: var(--bad); }
.good b span { color: var(--good); } .warning b span { color: var(--warning); } .bad b span { color: var(--bad); }
.unknown b span { color: var(--unknown); }
ol, ul { margin: 0; padding-left: 1.5rem; } li { margin: .5rem 0; overflow-wrap: anywhere; }
figure { margin: 1.25rem 0 0; } svg { display: block; max-width: 100%; } svg .ink { fill: var(--soft); }
svg .paper { fill: var(--paper); }
.key { display: inline-block; width: .7rem; height: .7rem; margin: 0 .3rem 0 .9rem; border-radius: .1rem; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ea; --soft: #9aa5ad; --paper: #14181b; --card: #1e2428;
  --line: #323a40; --good: #5cc2b3; --warning: #e6b04f; --bad: #f0788b; --unknown: #9aa5ad; }
  svg .none { fill: #3b444a; } svg .mark { fill: #9aa5ad; } }
"""
_KEYS: Final = {
    "paying": "#2f8f83",
    "lost": "#d1495b",
    "planned": "#4a7fc1",
    "unknown": "repeating-linear-gradient(135deg, #5b6770 0 2px, #ffffff 2px 5px)",
}


def page(found: ReportView, language: Language) -> str:
    """The whole document."""
    told = words(found, language)
    tag = "zh-CN" if language == "zh" else language
    body = [
        f"<h1>{escape(told.title)}</h1>",
        f'<p class="soft">{escape(told.span)}</p>',
        *(_verdict(one) for one in told.verdicts),
        _figure(found, language),
        *(_section(one) for one in told.sections),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="{tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(told.title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _verdict(one: Verdict) -> str:
    answer = f"<b>{escape(one.question)} <span>{escape(one.answer)}</span></b>"
    return f'<div class="verdict {one.level}"><p>{answer}</p><p>{escape(one.evidence)}</p></div>'


def _figure(found: ReportView, language: Language) -> str:
    book = texts(language)
    absent = {"planned"} if not found.payments.planned_s else set()
    absent |= {"unknown"} if not is_partial(found) else set()
    keys = [
        f'<span class="key" style="background:{color}"></span>{escape(book[f"report.picture.{name}"])}'
        for name, color in _KEYS.items()
        if name not in absent
    ]
    caption = f"{escape(book['report.picture'])}: {escape(said(found, language))}"
    return f"<figure>{picture(found, language)}<figcaption>{caption}<br>{''.join(keys)}</figcaption></figure>"


def _section(one: Section) -> str:
    numbered = any(item.mark for item in one.items)
    tag = "ol" if numbered else "ul"
    items = [
        f"<li>{escape(item.head)}{''.join(f'<p class=soft>{escape(line)}</p>' for line in item.lines)}</li>"
        for item in one.items
    ]
    none = f"<p>{escape(one.none)}</p>" if one.none else ""
    listed = f"<{tag}>{''.join(items)}</{tag}>" if items else none
    return f"<h2>{escape(one.title)}</h2>{listed}" + "".join(
        f'<p class="soft">{escape(note)}</p>' for note in one.notes
    )
