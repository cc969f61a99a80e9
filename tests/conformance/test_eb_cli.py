"""The EB CLI, AWS's own tool for what the site needs most: a directory put on Beanstalk, changed, copied and taken away.

Needs `eb` in the path (requirements-eb.txt) and a default VPC, which it makes; all else is the EB CLI's doing.
"""

import glob
import os
import pty
import shutil
import stat
import subprocess
import tempfile
import unittest
import zipfile

import bundles
import loaded
from account import PATIENCE, Case, client, say, site, until

APPLICATION, FIRST, SECOND = "eb-conference", "eb-first", "eb-second"
SHAPE = ("--instance_type", "t3.micro", "--scale", "2", "--elb-type", "application", "--timeout", "20")
OLDER = "64bit Amazon Linux 2023 v4.9.5 running Go 1"


@unittest.skipUnless(shutil.which("eb"), "the EB CLI is not installed")
class TheEbCli(Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="conformance-eb-")
        self.addCleanup(directory.cleanup)
        self.project = directory.name
        # What it loads takes it half a second, whatever it is asked.
        program = shutil.which("eb")
        self.program = [*loaded.start(f"{os.path.dirname(program)}/python", "ebcli.core.ebcore"), program]
        with zipfile.ZipFile(bundles.first()) as bundle:
            for entry in bundle.infolist():
                path = bundle.extract(entry, self.project)
                os.chmod(path, stat.S_IRUSR | stat.S_IWUSR | (entry.external_attr >> 16 & 0o777))

    def test_puts_a_directory_on_beanstalk_changes_it_and_takes_it_away(self):
        for step in (
            self.create,
            self.what_it_shows,
            self.properties_and_size,
            self.second_version,
            self.logs,
            self.configuration_by_an_editor,
            self.saved_configuration,
            self.clone_and_swap,
            self.older_platform,
            self.limits,
            self.removal,
        ):
            say(step.__name__.replace("_", " "))
            step()

    def eb(self, *arguments, stdin=subprocess.DEVNULL, says=(), fails=False, **environment):
        """What `eb` prints. It says ERROR where something failed, and in the end that it waited for too long."""
        ran = subprocess.run(
            [*self.program, *arguments], cwd=self.project, env={**os.environ, **environment}, stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )
        about = f"eb {' '.join(arguments)}:\n{ran.stdout}"
        self.assertEqual(fails, ran.returncode != 0 or "ERROR" in ran.stdout, about)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, ran.stdout, about)
        return ran.stdout

    def create(self):
        ec2 = client("ec2")
        if not ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
            ec2.create_default_vpc()
        self.eb("init", APPLICATION, "--platform", "go-1", "--region", "us-east-1", says="has been created")
        # It makes the roles and the profile that it needs by itself.
        self.eb("create", FIRST, *SHAPE, "--envvars", "AWS_REGION=us-east-1,GREETING=hello",
                says=("createEnvironment is starting.", f"Successfully launched environment: {FIRST}"))

    def what_it_shows(self):
        status = self.eb("status", "-v", says=("Status: Ready", "Health: Green", "Running instances: 2"))
        self.assertEqual(2, status.count(": healthy"), status)
        cname = status.split("CNAME: ")[1].split()[0]
        self.assertEqual(200, site(cname, "/health")[0])
        self.eb("health", says=(FIRST, "Ok", "WebServer", "Deployed"))
        self.eb("events", says=f"Successfully launched environment: {FIRST}")
        self.eb("list", "-v", says=(f"* {FIRST} : ['i-",))
        self.eb("platform", "show", says="Latest:  64bit Amazon Linux 2023 v4.10.0 running Go 1")

    def properties_and_size(self):
        self.eb("setenv", "COLOUR=blue", "GREETING=", says="Successfully deployed new configuration to environment.")
        shown = self.eb("printenv", says="COLOUR = blue")
        self.assertNotIn("GREETING", shown)
        self.eb("scale", "3", says="Successfully deployed new configuration to environment.")
        self.eb("status", says="Status: Ready")
        group = client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]
        self.assertEqual((3, 3, 3), (group["MinSize"], group["DesiredCapacity"], group["MaxSize"]))
        self.eb("tags", "--add", "event=conference", says="Environment tag update completed successfully.")
        self.eb("tags", "--list", says="conference")

    def second_version(self):
        with open(os.path.join(self.project, "SECOND"), "w", encoding="utf-8") as file:
            file.write("the second version\n")
        self.eb("deploy", "--label", "two", "--process",
                says=("Finished processing application version two", "New application version was deployed"))
        self.eb("status", says="Deployed Version: two")

    def logs(self):
        self.eb("logs", says=("/var/log/eb-engine.log", "/var/log/web.stdout.log", '"message":"listening"'))
        self.eb("logs", "--all", says="Logs were saved to")
        self.assertTrue(glob.glob(f"{self.project}/.elasticbeanstalk/logs/latest/i-*/**/web.stdout.log", recursive=True))

    def configuration_by_an_editor(self):
        """The settings read back without a difference, and an edited one arrives."""
        master, terminal = pty.openpty()
        try:
            self.eb("config", FIRST, stdin=terminal, says="No changes made.", EDITOR="cat")
            editor = os.path.join(self.project, "editor")
            with open(editor, "w", encoding="utf-8") as script:
                script.write("#!/bin/sh\nsed -i 's/MaxSize: .*/MaxSize: \"4\"/' \"$1\"\n")
            os.chmod(editor, 0o755)
            self.eb("config", FIRST, stdin=terminal, says="Successfully deployed new configuration", EDITOR=editor)
        finally:
            os.close(terminal)
            os.close(master)
        self.eb("config", FIRST, "--display", says="MaxSize: '4'")

    def saved_configuration(self):
        self.eb("config", "save", FIRST, "--cfg", "good", says="Configuration saved at:")
        self.eb("config", "list", says="good")
        path = os.path.join(self.project, ".elasticbeanstalk/saved_configs/good.cfg.yml")
        with open(path, encoding="utf-8") as file:
            saved = file.read()
        self.assertIn("COLOUR", saved)
        with open(path, "w", encoding="utf-8") as file:
            file.write(saved.replace('"blue"', '"green"'))
        self.eb("config", "put", "good")
        self.eb("config", FIRST, "--cfg", "good", says="Successfully deployed new configuration to environment.")
        self.eb("printenv", says="COLOUR = green")
        self.eb("config", "delete", "good")

    def clone_and_swap(self):
        self.eb("clone", FIRST, "-n", SECOND, "--timeout", "20", says=f"Successfully launched environment: {SECOND}")
        self.eb("printenv", SECOND, says="COLOUR = green")
        self.eb("swap", FIRST, "-n", SECOND, says="Completed swapping CNAMEs")
        self.eb("status", FIRST, says=f"CNAME: {SECOND}.")
        self.eb("terminate", SECOND, "--force", says="terminateEnvironment completed successfully.")

    def older_platform(self):
        self.eb("create", SECOND, "--single", "-i", "t3.micro", "-p", OLDER, "--version", "two", "--timeout", "20",
                says=f"Successfully launched environment: {SECOND}")
        self.eb("upgrade", SECOND, "--force", says="Environment update completed successfully.")
        self.eb("upgrade", SECOND, "--force", says="already on most recent platform version")

    def limits(self):
        """What the sandbox does not have it says, and AWS's refusals are AWS's."""
        self.eb("create", "eb-third", "--database.engine", "mysql", "--database.username", "u",
                "--database.password", "passw0rd1", "--version", "two", fails=True, says="limit of the sandbox")
        self.eb("deploy", "--version", "none", fails=True, says="No Application Version named 'none' found.")

    def removal(self):
        # It waits for the application's end or for an environment's, whichever it hears of first.
        self.eb("terminate", "--all", "--force")
        beanstalk, groups, balancers = client("elasticbeanstalk"), client("autoscaling"), client("elbv2")
        self.assertEqual([], beanstalk.describe_applications()["Applications"])
        ended = lambda: {one["Status"] for one in beanstalk.describe_environments()["Environments"]} <= {"Terminated"}
        until("all environments terminated", ended)
        self.assertEqual([], groups.describe_auto_scaling_groups()["AutoScalingGroups"])
        self.assertEqual([], balancers.describe_load_balancers()["LoadBalancers"])
