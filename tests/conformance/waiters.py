"""Waiters of the AWS CLI sleep in AWS's time, 20 to 60 s between two looks; here as many times shorter as the account under
test is faster (`CONFORMANCE_TIME_SCALE`), and so much more often that they give up no sooner.

Loaded by the CLI as a plugin. Changes nothing of what they ask and take for an answer.
"""

import os

try:
    from awscli.botocore import waiter
except ImportError:
    from botocore import waiter

SCALE = float(os.environ.get("CONFORMANCE_TIME_SCALE", "1"))
# Seconds. More often than this nobody need ask.
SHORTEST = 0.25


def awscli_initialize(_events):
    """The entry point of plugins of the AWS CLI."""
    config = waiter.SingleWaiterConfig
    as_modelled = config.__init__

    def hurried(self, model):
        as_modelled(self, model)
        patience = self.delay * self.max_attempts
        self.delay = min(self.delay, max(self.delay / SCALE, SHORTEST))
        self.max_attempts = round(patience / self.delay)

    config.__init__ = hurried
