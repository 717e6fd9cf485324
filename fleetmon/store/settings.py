"""Where the store is, and how long it remembers.

One spelling for each database, so that a configuration means the same everywhere: `sqlite:///file`,
`sqlite:////absolute/file`, `postgresql://user@host:port/database`. What stands behind a `?` of PostgreSQL goes
to its driver. A password in the URL would end up in logs and process lists, so it is refused.
"""

from pathlib import Path
from typing import Annotated, Final

import sqlalchemy as sa
from msgspec import Meta, Struct
from msgspec.structs import replace
from sqlalchemy.exc import ArgumentError

FORMS: Final = "write sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE"


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The password of PostgreSQL comes from `password_file` or from FLEETMON_STORE_PASSWORD."""

    url: str = "sqlite:///fleetmon.db"
    password_file: str | None = None
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 90

    @property
    def file(self) -> Path | None:
        """The file of an SQLite store; None for PostgreSQL, and for what is not valid."""
        url = _parsed(self.url)
        if url is None or url.drivername != "sqlite" or url.database in (None, "", ":memory:"):
            return None
        return Path(str(url.database))

    @property
    def kept_registry(self) -> Path | None:
        """Where the accepted registry is kept: beside the file; None when there is no file."""
        file = self.file
        return file and file.with_name(f"{file.name}.registry")

    def placed(self, folder: Path) -> "StoreSettings":
        """The same settings with every file name counted from `folder`."""
        url = self.url
        if self.file is not None:
            url = sa.make_url(url).set(database=str(folder / self.file)).render_as_string(hide_password=False)
        return replace(self, url=url, password_file=self.password_file and str(folder / self.password_file))

    def problems(self) -> list[str]:
        """What is wrong, each with what to do; never shows the URL, which may hold a password."""
        url = _parsed(self.url)
        if url is None:
            return [f"store.url: not a database URL; {FORMS}"]
        if url.password is not None or "password" in url.query:
            remedy = "take it out and name a file in store.password_file, or set FLEETMON_STORE_PASSWORD"
            return [f"store.url: holds a password; {remedy}"]
        if url.drivername == "postgresql":
            missing = [name for name in ("host", "database") if not getattr(url, name)]
            return [f"store.url: has no {' and no '.join(missing)}; {FORMS}"] if missing else []
        if url.drivername != "sqlite":
            return [f'store.url: "{url.drivername}" is not known; {FORMS}']
        if url.host or url.query or self.file is None:
            return [
                "store.url: SQLite needs a file; write sqlite:///fleetmon.db or sqlite:////var/lib/fleetmon/fleetmon.db"
            ]
        return ["store.password_file: SQLite has no password; remove the line"] if self.password_file else []


def _parsed(url: str) -> sa.URL | None:
    try:
        return sa.make_url(url)
    except (ArgumentError, ValueError):  # ValueError: of the port
        return None
