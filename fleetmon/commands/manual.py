"""The end of the help of every command and group, as a manual page has it: examples, exit status, environment, files.

A line has 78 characters at most and no square brackets, which Typer takes for markup. Where it can be wrong: it is
prose. That each command has its page is tested, that each sentence is true is not.
"""

from typing import Final

_STATUS: Final = """\
EXIT STATUS
  0  done
  1  something is wrong with what was given or found
  2  wrong usage
"""
_SECRETS: Final = """\
  FLEETMON_MQTT_USERNAME   for the broker,
  FLEETMON_MQTT_PASSWORD   where the configuration names no files
  FLEETMON_STORE_PASSWORD  for PostgreSQL, where the configuration names none
  FLEETMON_NOTICES_*_URL   for direct notices, likewise, * being the route
"""
_ENVIRONMENT: Final = f"""
ENVIRONMENT
  FLEETMON_CONFIG          the configuration, where --config.file is left out
{_SECRETS}"""
_DAEMON: Final = """
ENVIRONMENT
  FLEETMON_TOKEN_FILE      file with the token, where --token-file is left out
"""

ROOT: Final = f"""\
EXAMPLES
  fleetmon demo                  see it work; a broker is not needed
  fleetmon files here            configuration, rules, dashboards to start
  fleetmon run --help            each command has its own examples
  fleetmon --install-completion  complete commands in this shell from now on

{_STATUS}"""

PAGES: Final = {
    "run": f"""\
EXAMPLES
  fleetmon run --config.file /etc/fleetmon/fleetmon.yml
      Runs until SIGTERM or Ctrl-C, and then writes everything down.
  kill -HUP PID
      Reads registry, tokens and log level anew. A refused configuration
      changes nothing.

{_STATUS}{_ENVIRONMENT}\
  NOTIFY_SOCKET            set by systemd, which is told there how it goes

FILES
  config/fleetmon.yml      the configuration, where nothing else is said
  fleetmon.db              the store; relative to the configuration
  fleetmon.db.registry     the registry as it was accepted last
""",
    "demo": f"""\
EXAMPLES
  fleetmon demo                 a carrier outage, told as it happens
  fleetmon demo --once          ends when the story is told
  fleetmon demo --stack deploy  with Prometheus and Alertmanager; the folder
                                is one of those that `fleetmon files` writes

{_STATUS}
FILES
  Everything is in a temporary folder, which is removed at the end.
""",
    "simulate": f"""\
EXAMPLES
  fleetmon simulate --terminals 500 --habits real
      500 terminals of shops that open and close, for an hour.
  fleetmon simulate --scenario config/scenarios/bad-day.yml --speed 10
      A bad day, ten times as fast.
  fleetmon simulate --terminals 50 --write-registry registry.yml
      Only the registry of such a fleet.
  fleetmon simulate --record day.ndjson.zst --truth truth.json
      A recording in virtual time, and what a replay of it has to find.

{_STATUS}
ENVIRONMENT
  FLEETMON_SIM_PASSWORD  for the broker, with --username
""",
    "check-config": f"""\
EXAMPLES
  fleetmon check-config /etc/fleetmon/fleetmon.yml
      Before a restart or a reload.

{_STATUS}
ENVIRONMENT
{_SECRETS}""",
    "notify": """\
EXAMPLES
  fleetmon notify oncall --config.file /etc/fleetmon/fleetmon.yml
      Sends a message that nobody needs to act on by the route `oncall`.
  fleetmon notify
      By all routes, one after the other.

EXIT STATUS
  0  taken by every receiver
  1  refused, or not reached; or the configuration is not valid
  2  no such route, or wrong usage

ENVIRONMENT
  FLEETMON_CONFIG             the configuration, where --config.file is left
                              out
  FLEETMON_NOTICES_ROUTE_URL  the address of the route, ROUTE in capitals,
                              where the configuration names no file
""",
    "replay": f"""\
EXAMPLES
  fleetmon replay recording.ndjson --registry registry.yml
      Incidents, pages and explanations as JSON.
  fleetmon replay day.ndjson.zst --registry registry.yml --until 1790000000000
      And what follows from silence by that time.

{_STATUS}""",
    "explain": f"""\
EXAMPLES
  fleetmon explain --merchant noodle --lang zh
      What to tell the merchant, in Chinese.
  fleetmon explain --merchant 'Noodle House' --rrn 411700000123 --for on-call
      One sale, by the number on its slip, told to on-call.
  fleetmon explain --merchant noodle --amount 12850 --at 18:30
      By what the merchant remembers, yuan and time of day: also what was
      paid, refused or reversed; and if none fits, what comes nearest.
  fleetmon explain --merchant M-17 --date 2026-11-20 --format json
      The sales of one day, for machines.
  fleetmon explain --merchant M-17 --config.file fleetmon.yml
      Asks the store, when no daemon runs.

EXIT STATUS
  0  answered
  1  nothing fits (what comes nearest is told), or something is wrong
  2  several merchants fit, or wrong usage

ENVIRONMENT
  FLEETMON_TOKEN_FILE      file with the token, where --token-file is left out
{_SECRETS}""",
    "report": f"""\
EXAMPLES
  fleetmon report
      What happened in the last 24 hours, and what it cost.
  fleetmon report --since 3d --lang zh --format html > monday.html
      The weekend as one page with a picture, for mail, in Chinese.
  fleetmon report --format json | jq .payments.lost_s
      For machines; the API has the same at /api/v1/report.

{_STATUS}{_DAEMON}""",
    "import": f"""\
EXAMPLES
  fleetmon import --dry-run settlement.csv
      What would happen; nothing is written or published.
  fleetmon import settlement.csv statement.xml.gz
      Takes both; the order does not matter, and a second time does no harm.
  fleetmon import --mapping ours.yml payouts.zip
      A CSV file whose columns you have described.

EXIT STATUS
  0  all taken
  1  some rows kept aside, or not stored yet
  2  nothing done, or wrong usage
{_ENVIRONMENT}
FILES
  FILE.xxxxxxxx.rejected.csv  rows that were kept aside, each with its reason
""",
    "files": f"""\
EXAMPLES
  fleetmon files                         list them
  fleetmon files fleetmon-new            write them all into a new folder
  diff -r fleetmon-old fleetmon-new      what an upgrade changes in them

{_STATUS}""",
    "schema": f"""\
EXAMPLES
  fleetmon schema > asyncapi.json        for whoever programs terminals
  fleetmon schema json-schema            only the schemas of the messages
  fleetmon schema --prefix shop/v1       with the topics of another prefix

{_STATUS}""",
    "incidents": f"""\
EXAMPLES
  fleetmon incidents list --status firing
      What is wrong now.
  fleetmon incidents show ID
      How one went, whom it took, and who did what about it.
  fleetmon incidents ack ID --for 2h --comment "technician on the way"
      Somebody sees to it: nobody is called again meanwhile.

{_STATUS}{_DAEMON}""",
    "incidents list": f"""\
EXAMPLES
  fleetmon incidents list
      What is wrong now, the newest first.
  fleetmon incidents list --status all --kind carrier_outage --format json
      The same for machines, with what is over.

{_STATUS}{_DAEMON}""",
    "incidents show": f"""\
EXAMPLES
  fleetmon incidents show carrier_outage-207bbdc176989a1b --lang zh
      Whom it has taken, how it went, and who did what.

{_STATUS}{_DAEMON}""",
    "incidents ack": f"""\
EXAMPLES
  fleetmon incidents ack ID --for 4h --comment "carrier called, case 4711"
      Nobody is called again for it until then, unless it grows worse.

{_STATUS}{_DAEMON}""",
    "incidents unack": f"""\
EXAMPLES
  fleetmon incidents unack ID
      People are called again if it is still there.

{_STATUS}{_DAEMON}""",
    "maintenance": f"""\
EXAMPLES
  fleetmon maintenance preview --from now --for 2h --select region=north
      Whom it would touch.
  fleetmon maintenance add --from now --for 2h --select region=north
      Nobody is called for what begins inside and clears with it.
  fleetmon maintenance end WINDOW
      It is over before its time.
  fleetmon maintenance visits --provider PSP-1
      Where its technicians ought to go next.

{_STATUS}{_DAEMON}""",
    "maintenance add": f"""\
EXAMPLES
  fleetmon maintenance add --from 2026-12-01T01:00 --for 2h \\
      --select site=S1,S2 --reason "new firmware"
      Nobody is called for what begins inside and clears with it.
  fleetmon maintenance add --from 2026-12-01T02:00 --for 1h \\
      --rule "FREQ=WEEKLY;BYDAY=TU" --select provider=PSP-1
      Every Tuesday.

{_STATUS}{_DAEMON}""",
    "maintenance preview": f"""\
EXAMPLES
  fleetmon maintenance preview --from now --for 2h --select region=north
      How many terminals, which open incidents; nothing is written.

{_STATUS}{_DAEMON}""",
    "maintenance list": f"""\
EXAMPLES
  fleetmon maintenance list
      What is planned, for people; --format json for machines.

{_STATUS}{_DAEMON}""",
    "maintenance show": f"""\
EXAMPLES
  fleetmon maintenance show WINDOW
      One window: for whom, when, who answers for it.

{_STATUS}{_DAEMON}""",
    "maintenance approve": f"""\
EXAMPLES
  fleetmon maintenance approve WINDOW
      As the second person, for work that is too large for one.

{_STATUS}{_DAEMON}""",
    "maintenance end": f"""\
EXAMPLES
  fleetmon maintenance end WINDOW
      It is over now. What is still wrong after the settle time pages.

{_STATUS}{_DAEMON}""",
    "maintenance extend": f"""\
EXAMPLES
  fleetmon maintenance extend WINDOW --until 2026-12-01T05:00
      More time for what is in force, or was lately.

{_STATUS}{_DAEMON}""",
    "maintenance cancel": f"""\
EXAMPLES
  fleetmon maintenance cancel WINDOW
      All times to come, and what is in force.

{_STATUS}{_DAEMON}""",
    "maintenance import": f"""\
EXAMPLES
  fleetmon maintenance import bank.ics --calendar bank --host BANK-1 --dry-run
      What would be taken, changed, cancelled, refused, and why.

{_STATUS}{_DAEMON}""",
    "maintenance calendars": f"""\
EXAMPLES
  fleetmon maintenance calendars
      Those of the configuration, and how reading them went.

{_STATUS}{_DAEMON}""",
    "maintenance feed": f"""\
EXAMPLES
  fleetmon maintenance feed provider PSP-1
      The secret link of its feed, for a calendar program.

{_STATUS}{_DAEMON}""",
    "maintenance visits": f"""\
EXAMPLES
  fleetmon maintenance visits --provider PSP-1
      Where its technicians ought to go this week, why, what to take along,
      and when the shop is quiet.
  fleetmon maintenance visits --from 2026-12-01T06:00 --days 3 --lang zh
      Within three days from then, in Chinese.
  fleetmon maintenance visits --format ical > visits.ics
  fleetmon maintenance import visits.ics --calendar visits --everything
      Take over proposals as planned work; each waits for an approval.

{_STATUS}{_DAEMON}""",
    "maintenance outcomes": f"""\
EXAMPLES
  fleetmon maintenance outcomes --days 1
      Who was where, did it repair anything, is everybody back.

{_STATUS}{_DAEMON}""",
    "store": f"""\
EXAMPLES
  fleetmon store backup /backup/fleetmon-1120.db
      While fleetmon runs; before an upgrade.
  fleetmon store check --config.file /etc/fleetmon/fleetmon.yml
      Whether all of it can be read.

{_STATUS}{_ENVIRONMENT}""",
    "store backup": f"""\
EXAMPLES
  fleetmon store backup /backup/fleetmon-1120.db
      A whole copy that can be put in the place of the store.

{_STATUS}{_ENVIRONMENT}""",
    "store check": f"""\
EXAMPLES
  fleetmon store check --config.file /etc/fleetmon/fleetmon.yml
      Reads all of it: minutes for a large store.

EXIT STATUS
  0  the store is whole
  1  problems were found, or it cannot be read
  2  wrong usage
{_ENVIRONMENT}""",
}
