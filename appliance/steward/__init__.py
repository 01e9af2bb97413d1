"""What a data steward does before and beside a run: measures, reviews, looks, exports.

Wires the policy's detector together with the customer's own models, which need torch; keeps in the
workspace what was measured of a detector, so that a run can hold it against the policy.
"""
