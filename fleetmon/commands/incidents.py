"""`fleetmon incidents`: what is wrong, and who sees to it, as a running daemon knows."""

import typer

from fleetmon.commands.conduct import plain_errors
from fleetmon.commands.manual import PAGES
from fleetmon.desk import incidents as desk

incidents = typer.Typer(
    no_args_is_help=True,
    help="What is wrong, and who sees to it, as a running daemon knows.",
    epilog=PAGES["incidents"],
)
incidents.command("list", epilog=PAGES["incidents list"])(plain_errors()(desk.listed))
incidents.command("show", epilog=PAGES["incidents show"])(plain_errors()(desk.shown))
incidents.command("ack", epilog=PAGES["incidents ack"])(plain_errors()(desk.acknowledged))
incidents.command("unack", epilog=PAGES["incidents unack"])(plain_errors()(desk.unacknowledged))
