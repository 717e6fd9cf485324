"""How many sales had their money in time, and how many had not: each is judged once, for counters that never fall.

A sale is late when its due time and grace are over and its money is not there, whatever comes afterwards; it is in
time when it is paid before. What is cancelled, carried over or paid short is neither.
Where it can be wrong: of a merchant of whom payouts or late money were read back after a start, what changed while
we were away is not counted, since nobody can tell it from what was counted before.
"""

from fleetmon.model.sale import Sale
from fleetmon.model.standing import Standing


class Punctuality:
    """The counts since the start. Times in ms."""

    def __init__(self) -> None:
        self.judged = 0
        self.late = 0
        self._late: set[tuple[str, str]] = set()  # those whose money is late now
        self._read_back: set[str] = set()  # merchants at whom nobody has looked since

    def read_back(self, merchant: str) -> None:
        """Something of this merchant was judged before the start, perhaps."""
        self._read_back.add(merchant)

    def counts(self, merchant: str) -> bool:
        """Whether what a look at this merchant finds is new; asked once a look."""
        known = merchant in self._read_back
        self._read_back.discard(merchant)
        return not known

    def judge(self, sale: Sale, standing: Standing, *, waited: bool, late: bool, new: bool) -> None:
        """A look has found a sale so; `waited`: until now its money was waited for."""
        key = sale.terminal, sale.id
        if late:
            if key not in self._late:
                self._late.add(key)
                self._count(new=new, late=True)
        elif key in self._late:
            self._late.discard(key)  # it was counted when it became late
        elif waited and standing.state == "paid":
            self._count(new=new, late=_came_late(standing))

    def forget(self, key: tuple[str, str]) -> None:
        """A sale is not held any longer."""
        self._late.discard(key)

    def _count(self, *, new: bool, late: bool) -> None:
        if new:
            self.judged += 1
            self.late += late


def _came_late(standing: Standing) -> bool:
    """Whether it was paid too late while we did not hear."""
    paid_at = standing.payout.last.at if standing.payout else 0
    return paid_at > (standing.due_at or paid_at) + standing.terms.grace
