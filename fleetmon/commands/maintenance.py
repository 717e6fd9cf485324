"""`fleetmon maintenance`: planned work, as a running daemon knows it."""

import typer

from fleetmon.commands.conduct import plain_errors
from fleetmon.commands.manual import PAGES
from fleetmon.desk import maintenance as desk
from fleetmon.desk import visits

maintenance = typer.Typer(
    no_args_is_help=True, help="Planned work, as a running daemon knows it.", epilog=PAGES["maintenance"]
)
for _name, _command in (
    ("add", desk.added),
    ("preview", desk.previewed),
    ("list", desk.listed),
    ("show", desk.shown),
    ("approve", desk.approved),
    ("end", desk.ended),
    ("extend", desk.extended),
    ("cancel", desk.cancelled),
    ("import", desk.imported),
    ("calendars", desk.calendars),
    ("feed", desk.fed),
    ("visits", visits.proposed),
    ("outcomes", visits.outcomes),
):
    maintenance.command(_name, epilog=PAGES[f"maintenance {_name}"])(plain_errors()(_command))
