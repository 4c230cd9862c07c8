"""The verbs: each opens the devices that a conversation needs, runs it, and gives its events and its result.

Every verb comes twice: `ping(...)` runs to the end and returns the result; `ping_live(...)` is iterated for
events while they happen and has the result afterwards.
"""
