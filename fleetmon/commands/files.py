"""`fleetmon files`: what came along for other programs to read, of the same version as the daemon."""

import shutil
from pathlib import Path
from typing import Annotated, Final

import typer

from fleetmon.commands.conduct import plain_errors
from fleetmon.model.errors import ConfigError

PARTS: Final = (
    "config",
    "deploy/alertmanager",
    "deploy/mosquitto",
    "deploy/prometheus",
    "deploy/systemd",
    "grafana/dashboards",
    "grafana/provisioning",
    "requirements.txt",
)


def files(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A new folder; left out, they are listed.")
    ] = None,
) -> None:
    """Write the example configuration, dashboards, rules, unit files, and locked requirements of this version."""
    source = _source()
    names = sorted(path.relative_to(source) for part in PARTS for path in _files(source / part))
    if folder is None:
        for name in names:
            typer.echo(name)
        return
    with plain_errors():
        if folder.exists():
            raise ConfigError([f"{folder}: is there already; name a new folder, and compare it with the one in use"])
        try:
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, folder / name)
        except OSError as error:
            raise ConfigError([f"{folder}: {error.strerror or error}; name a folder that can be written"]) from None
        typer.echo(f"{folder}: done")


def _source() -> Path:
    """In a wheel they are within the package, in a checkout where they are kept."""
    package = Path(__file__).parents[1]
    packed = package / "share"
    return packed if packed.is_dir() else package.parent


def _files(part: Path) -> list[Path]:
    return [part] if part.is_file() else [path for path in part.rglob("*") if path.is_file()]
