"""Is a message news, or a repetition of what is known?"""

from hashlib import blake2b
from typing import Final

from fleetmon.engine.outcome import Message
from fleetmon.model.events import Payout, Sequenced, State, Transaction
from fleetmon.model.terminal import Liveness, Terminal

LATEST: Final = 60_000  # a birth that arrives after that of a later session is at most so much older
REBOOT: Final = 600_000  # who is back after so short a time, without a farewell, began anew by itself
GRACEFUL: Final = ("shutdown", "sleep", "maintenance")


def is_swapped(terminal: Terminal, said: State) -> bool:
    """Whether another device stands in its place."""
    return bool(said.serial and terminal.serial and terminal.boot >= 0 and said.serial != terminal.serial)


def began_anew(terminal: Terminal, boot: int, now: int) -> bool:
    """Whether it restarted by itself: another boot soon after the last sign of life, and no farewell in between."""
    soon = now - terminal.last_seen < REBOOT and terminal.liveness is not Liveness.ASLEEP
    return boot > terminal.boot >= 0 and soon


def why_no_news(terminal: Terminal, said: State, *, retained: bool) -> str:
    """Why a State tells nothing new; empty when it does."""
    offline = said.state == "offline"
    if said.session == terminal.session:
        over = said.session == terminal.ended and not (said.reason in GRACEFUL and terminal.will_at)
        return "repeated" if over or not offline else ""
    if said.session == terminal.ended or (offline and terminal.session and said.boot <= terminal.boot):
        return "old_session"
    if said.boot <= terminal.boot and not is_swapped(terminal, said):
        if 0 < terminal.session_at - said.at <= LATEST:
            return "old_session"
        if retained and said.boot < terminal.boot:
            return "old_boot"
    return ""


def fact_key(message: Message, event: object, epoch: int = 0) -> str:
    """What makes a message the same as its repetition (contract, Conventions)."""
    match event:
        case State():
            return f"{message.key}/{epoch}/{event.boot}/{event.session}/{event.state}/{event.reason or ''}"
        case Transaction():
            return f"{message.key}/{event.id}/{event.stage}"
        case Sequenced():
            return f"{message.key}/{epoch}/{event.boot}/{event.seq}"
        case Payout():
            return f"{message.key}/{event.id}/{event.event}"
    return f"{message.topic}/{blake2b(message.payload, digest_size=8).hexdigest()}"
