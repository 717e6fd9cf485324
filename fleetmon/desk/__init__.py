"""What people ask a daemon from the command line, said in words.

`fleetmon explain`, the support desk's: why money has not come. `fleetmon incidents`, on-call's: what is wrong.
`fleetmon maintenance`, the planner's: what is planned. `fleetmon report`, the operations lead's in the morning.
"""

from fleetmon.desk import incidents, maintenance
from fleetmon.desk.command import explain
from fleetmon.desk.report import report

__all__ = ["explain", "incidents", "maintenance", "report"]
