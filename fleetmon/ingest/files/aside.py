"""The rows that were not taken, in a file beside the source that can be mended and imported itself.

Its name holds the source's content, so the rows of one file never replace those of another with its name.
"""

import csv
import io
from pathlib import Path
from tempfile import NamedTemporaryFile

from fleetmon.ingest.files.outcome import Outcome
from fleetmon.model.errors import ConfigError


def keep(source: Path, digest: str, outcome: Outcome, folder: Path | None) -> Path | None:
    """Write them, or remove the file that an earlier import left; raises ConfigError where that cannot be done."""
    place = folder if folder is not None else source.parent
    file = place / f"{source.name}.{digest[:8]}.rejected.csv"
    try:
        if not outcome.rejected:
            file.unlink(missing_ok=True)
            return None
        place.mkdir(parents=True, exist_ok=True)
        # Of a name of its own, for two imports may write the same at once; with a mark, so that spreadsheets see UTF-8.
        with NamedTemporaryFile(
            "w", dir=place, suffix=".partial", encoding="utf-8-sig", newline="", delete=False
        ) as new:
            new.write(_text(outcome))
        Path(new.name).replace(file)
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror or error}; name a folder with --aside"]) from None
    return file


def _text(outcome: Outcome) -> str:
    """The source's columns first, so that its mapping fits; a row of another width stays as it was."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*outcome.header, "fleetmon_line", "fleetmon_reason", "fleetmon_detail"])
    for row in sorted(outcome.rejected, key=lambda row: row.line):
        writer.writerow([*row.cells, str(row.line), row.reason, row.detail])
    return text.getvalue()
