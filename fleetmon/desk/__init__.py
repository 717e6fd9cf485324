"""What people ask a daemon from the command line, said in words.

`fleetmon explain`, the support desk's: why money has not come. `fleetmon incidents`, on-call's: what is wrong.
`fleetmon maintenance`, the planner's: what is planned.
"""

from fleetmon.desk import incidents, maintenance
from fleetmon.desk.command import explain

__all__ = ["explain", "incidents", "maintenance"]
