"""For plugin authors: drive a component with recorded inputs, and check that it keeps engram's promises."""

from .checks import Case as Case, checks_for as checks_for, parametrize_with_checks as parametrize_with_checks
from .device import DeviceArray as DeviceArray, device as device
from .playback import play as play
