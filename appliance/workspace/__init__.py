"""The workspace: everything the appliance keeps, in one private folder."""

from appliance.crypto.unlock import Unlock
from appliance.workspace.custody import add_slot, profile_of, remove_slot, rotate
from appliance.workspace.destruction import Destroyed, destroy, finish_destroying
from appliance.workspace.home import Home
from appliance.workspace.resealing import ResealReport, reseal_all

__all__ = [
    "Destroyed",
    "Home",
    "ResealReport",
    "Unlock",
    "add_slot",
    "destroy",
    "finish_destroying",
    "profile_of",
    "remove_slot",
    "reseal_all",
    "rotate",
]
