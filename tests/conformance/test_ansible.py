"""Ansible makes what the article's stack has modules for, reads it back without a difference, changes it and removes it.

Needs `ansible-playbook` in the path (requirements-ansible.txt) and a default VPC, which it makes.
"""

import json
import os
import shlex
import shutil
import subprocess
import unittest

import bundles
import loaded
from account import HERE, PATIENCE, Case, client, say

# What modules come with, each in a file of its own that would be compiled anew.
UTILITIES = [
    f"ansible_collections.{collection}.plugins.module_utils.{name}"
    for collection, names in {
        "amazon.aws": ("modules", "ec2", "iam", "policy", "s3", "waiters"),
        "community.aws": ("modules", "dynamodb", "wafv2"),
    }.items()
    for name in names
]

# The module leaves out what it does not know (GrpcConfig, OriginShield, TrustedKeyGroups and others, which AWS sends) and
# takes that for a difference: community.aws 10, `cloudfront_distribution.py`, `config != distribution[...]`.
NEVER_THE_SAME = {"distribution"}


@unittest.skipUnless(shutil.which("ansible-playbook"), "Ansible is not installed")
class Ansible(Case):
    def test_makes_the_stack_finds_it_as_it_is_changes_it_and_removes_it(self):
        ec2 = client("ec2")
        if not ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
            ec2.create_default_vpc()
        say("made")
        made = self.play("up")
        self.assertLessEqual({"users table", "instance profile", "own routes", "bundle", "web ACL", "distribution"}, made)
        say("read back")
        self.assertLessEqual(self.play("up"), NEVER_THE_SAME)
        say("changed")
        changed = self.play("up", words="another", limit=1000)
        self.assertEqual({"application", "web ACL", "distribution"}, changed)
        say("removed")
        removed = self.play("down")
        self.assertLessEqual({"users table", "bucket", "own VPC is gone", "web ACL", "distribution"}, removed)
        say("removed already")
        self.assertEqual(set(), self.play("down"))

    def setUp(self):
        # Modules run in the Python that has Ansible and boto3, and each in one of its own. That takes them longer than their work:
        # there are a hundred.
        python = f"{os.path.dirname(shutil.which('ansible-playbook'))}/python"
        self.python = loaded.start(python, "boto3", "read_once", "ansible.module_utils.basic", *UTILITIES)

    def play(self, book, **variables):
        """The names of the tasks that changed something."""
        ran = subprocess.run(
            ["ansible-playbook", f"{HERE}/ansible/{book}.yml", "--extra-vars", json.dumps(variables)],
            env={**os.environ, "CONFORMANCE_BUNDLE": os.path.abspath(bundles.first()),
                 "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOCALHOST_WARNING": "False",
                 # A module comes by the pipe of the process that runs it: no shells that make a folder and a file for it.
                 "ANSIBLE_PIPELINING": "True",
                 "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "ANSIBLE_DEPRECATION_WARNINGS": "False",
                 "ANSIBLE_PYTHON_INTERPRETER": shlex.join(self.python)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        )
        try:
            tasks = json.loads(ran.stdout[ran.stdout.index("{"):])["plays"][0]["tasks"]
        except (ValueError, IndexError):
            self.fail(f"{ran.stderr}\n{ran.stdout}")
        results = {task["task"]["name"]: task["hosts"]["localhost"] for task in tasks}
        failed = {name: result.get("msg") for name, result in results.items() if result.get("failed")}
        self.assertEqual((0, {}), (ran.returncode, failed), ran.stderr)
        return {name for name, result in results.items() if result["changed"]}
