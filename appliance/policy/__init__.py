"""The policy: what is allowed, how safe, and why; read once, frozen, digested."""

from appliance.policy.explain import Explanation, explain, policy_schema
from appliance.policy.load import LoadedPolicy, load_policy, policy_digest, shipped_policies
from appliance.policy.model import Policy

__all__ = [
    "Explanation",
    "LoadedPolicy",
    "Policy",
    "explain",
    "load_policy",
    "policy_digest",
    "policy_schema",
    "shipped_policies",
]
