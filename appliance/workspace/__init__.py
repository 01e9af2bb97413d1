"""The workspace: everything the appliance keeps, in one private folder."""

from appliance.crypto.unlock import Unlock
from appliance.workspace.custody import Destroyed, add_slot, destroy, remove_slot, rotate
from appliance.workspace.home import Home

__all__ = ["Destroyed", "Home", "Unlock", "add_slot", "destroy", "remove_slot", "rotate"]
