"""Is something wrong? One question a file.

Of the group detectors the first that names the attributes of an outage tells its kind; those of shops come last.
"""

from fleetmon.detect.attribute_outage import ATTRIBUTE_OUTAGE
from fleetmon.detect.batch_mismatch import BATCH_MISMATCH
from fleetmon.detect.batch_not_closed import BATCH_NOT_CLOSED
from fleetmon.detect.battery import BATTERY
from fleetmon.detect.carrier_outage import CARRIER_OUTAGE
from fleetmon.detect.clock_skew import CLOCK_SKEW
from fleetmon.detect.device_fault import DEVICE_FAULT
from fleetmon.detect.flapping import FLAPPING
from fleetmon.detect.host_outage import HOST_OUTAGE
from fleetmon.detect.ingest_impaired import INGEST_IMPAIRED
from fleetmon.detect.interface_fault import INTERFACE_FAULT
from fleetmon.detect.keys import KEYS
from fleetmon.detect.maintenance_overdue import MAINTENANCE_OVERDUE
from fleetmon.detect.merchant_rewritten import MERCHANT_REWRITTEN
from fleetmon.detect.model_fault import MODEL_FAULT
from fleetmon.detect.offline_pending import OFFLINE_PENDING
from fleetmon.detect.provider_unlicensed import PROVIDER_UNLICENSED
from fleetmon.detect.region_outage import REGION_OUTAGE
from fleetmon.detect.settlement_overdue import SETTLEMENT_OVERDUE
from fleetmon.detect.sim_problem import SIM_PROBLEM
from fleetmon.detect.site_outage import SITE_OUTAGE
from fleetmon.detect.software_fault import SOFTWARE_FAULT
from fleetmon.detect.tamper import TAMPER
from fleetmon.detect.terminal_moved import TERMINAL_MOVED
from fleetmon.detect.terminal_offline import TERMINAL_OFFLINE
from fleetmon.detect.weak_signal import WEAK_SIGNAL
from fleetmon.model.detector import Detector, DeviceDetector, GroupDetector, MoneyDetector

DETECTORS: tuple[Detector, ...] = (
    INGEST_IMPAIRED,
    TAMPER,
    DEVICE_FAULT,
    BATTERY,
    KEYS,
    SOFTWARE_FAULT,
    SIM_PROBLEM,
    CLOCK_SKEW,
    TERMINAL_MOVED,
    OFFLINE_PENDING,
    HOST_OUTAGE,
    CARRIER_OUTAGE,
    REGION_OUTAGE,
    MODEL_FAULT,
    ATTRIBUTE_OUTAGE,
    SITE_OUTAGE,
    TERMINAL_OFFLINE,
    FLAPPING,
    WEAK_SIGNAL,
    MAINTENANCE_OVERDUE,
    SETTLEMENT_OVERDUE,
    INTERFACE_FAULT,
    MERCHANT_REWRITTEN,
    PROVIDER_UNLICENSED,
    BATCH_MISMATCH,
    BATCH_NOT_CLOSED,
)
DEVICE_DETECTORS = tuple(detector for detector in DETECTORS if isinstance(detector, DeviceDetector))
GROUP_DETECTORS = tuple(detector for detector in DETECTORS if isinstance(detector, GroupDetector))
MONEY_KINDS = frozenset(one.kind for one in DETECTORS if isinstance(one, MoneyDetector))
OF_SIGN = {sign: detector for detector in DEVICE_DETECTORS for sign in detector.signs}
POLICIES = {detector.kind: detector.policy for detector in DETECTORS}

__all__ = [
    "DETECTORS",
    "DEVICE_DETECTORS",
    "FLAPPING",
    "GROUP_DETECTORS",
    "HOST_OUTAGE",
    "INGEST_IMPAIRED",
    "MAINTENANCE_OVERDUE",
    "MONEY_KINDS",
    "OF_SIGN",
    "POLICIES",
    "SIM_PROBLEM",
    "SITE_OUTAGE",
    "TAMPER",
    "TERMINAL_OFFLINE",
    "WEAK_SIGNAL",
]
