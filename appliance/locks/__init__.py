"""Locks on the process: no network, few paths, no core dumps; each proven by a failed attempt."""

from appliance.locks.process import Lock, LockReport, Profile, lockdown

__all__ = ["Lock", "LockReport", "Profile", "lockdown"]
