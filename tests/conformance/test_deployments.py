"""Deployments by batches, as clients see them: what each instance runs, and what becomes of one that fails half way.

Events and causes are worded as in public logs and in the developer guide.
"""

import json
import os
import re
import tempfile
import zipfile

import stack
from account import Case, client, until

APPLICATION = "batches"
SERVICE_ROLE = "batches-service-role"

BALANCED = [
    stack.option("elasticbeanstalk:environment", "LoadBalancerType", "application"),
    stack.option("elasticbeanstalk:environment", "ServiceRole", SERVICE_ROLE),
    stack.option("elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
    *stack.SINGLE[1:],
    stack.option("autoscaling:asg", "MinSize", "3"),
    stack.option("elasticbeanstalk:command", "DeploymentPolicy", "Rolling"),
    stack.option("elasticbeanstalk:command", "BatchSizeType", "Fixed"),
    stack.option("elasticbeanstalk:command", "BatchSize", "1"),
]

# aws/elastic-beanstalk-roadmap#126 and #162; einaregilsson/beanstalk-deploy#86; rennokki/laravel-aws-eb#71.
TOLD = """
INFO Environment update is starting.
INFO Deploying new version to instance(s).
INFO Batch 1: Starting application deployment on instance(s) [i-#].
INFO Batch 1: De-registering instance(s) from the load balancer and waiting for them to go out of service.
INFO Batch 1: Starting application deployment command execution.
INFO Instance deployment completed successfully.
INFO Batch 1: Completed application deployment command execution.
INFO Command execution completed on 1 of 3 instances in environment.
INFO Batch 1: Registering instance(s) with the load balancer and waiting for them to be healthy.
INFO Batch 1: Completed application deployment.
INFO Batch 2: Starting application deployment on instance(s) [i-#].
INFO Batch 2: De-registering instance(s) from the load balancer and waiting for them to go out of service.
INFO Batch 2: Starting application deployment command execution.
ERROR Instance deployment failed. For details, see 'eb-engine.log'.
ERROR [Instance: i-#] Command failed on instance. Return code: 1 Output: Engine execution has encountered an error..
INFO Command execution completed on all instances. Summary: [Successful: 0, Failed: 1].
ERROR Unsuccessful command execution on instance id(s) 'i-#'. Aborting the operation.
ERROR Failed to deploy application.
ERROR During an aborted deployment, some instances may have deployed the new application version. To ensure all \
instances are running the same version, re-deploy the appropriate application version.
"""


def add_version(label, hook):
    """A page that runs where its hook lets it."""
    path = os.path.join(tempfile.mkdtemp(prefix="conformance-bundle-"), f"{label}.zip")
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("Procfile", "web: python3 -m http.server $PORT\n")
        bundle.writestr("index.html", f"<h1>{label}</h1>\n")
        bundle.writestr(".platform/hooks/predeploy/1.sh", f"#!/bin/sh\n{hook}\n")
    beanstalk = client("elasticbeanstalk")
    bucket, key = beanstalk.create_storage_location()["S3Bucket"], f"{APPLICATION}/{label}.zip"
    client("s3").upload_file(path, bucket, key)
    beanstalk.create_application_version(ApplicationName=APPLICATION, VersionLabel=label,
                                         SourceBundle={"S3Bucket": bucket, "S3Key": key})


def deployed(environment_id):
    """Label, status and id of each instance's deployment."""
    health = client("elasticbeanstalk").describe_instances_health(EnvironmentId=environment_id, AttributeNames=["Deployment"])
    deployments = [instance["Deployment"] for instance in health["InstanceHealthList"]]
    return sorted((one["VersionLabel"], one["Status"], one["DeploymentId"]) for one in deployments)


def forwards(environment_id):
    """Weights by target group, of the environment's listener."""
    resources = client("elasticbeanstalk").describe_environment_resources(EnvironmentId=environment_id)
    balancer = resources["EnvironmentResources"]["LoadBalancers"][0]["Name"]
    listener = client("elbv2").describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
    groups = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
    return {group["TargetGroupArn"]: group["Weight"] for group in groups}


def add_service_role():
    iam = client("iam")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "elasticbeanstalk.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=SERVICE_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    for policy in ("service-role/AWSElasticBeanstalkEnhancedHealth", "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"):
        iam.attach_role_policy(RoleName=SERVICE_ROLE, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")


class Batches(Case):
    def test_one_that_fails_on_its_second_batch_leaves_mixed_versions(self):
        beanstalk = client("elasticbeanstalk")
        stack.prepare(APPLICATION)
        add_service_role()
        environment = stack.create(APPLICATION, "batches-env", BALANCED)["EnvironmentId"]
        self.assertEqual("Ready", stack.settled(environment)["Status"])
        self.assertEqual([("one", "Deployed", 1)] * 3, deployed(environment))

        meeting = tempfile.mkdtemp(prefix="conformance-meeting-")
        os.chmod(meeting, 0o777)
        add_version("frail", f"mkdir {meeting}/taken 2>/dev/null || exit 3")
        update = beanstalk.update_environment(EnvironmentId=environment, VersionLabel="frail")
        rested = stack.settled(environment)
        self.assertEqual(("Ready", "one"), (rested["Status"], rested["VersionLabel"]))
        self.assertFalse(rested["AbortableOperationInProgress"])
        self.assertEqual([("frail", "Deployed", 2), ("frail", "Failed", 2), ("one", "Deployed", 1)], deployed(environment))

        request = update["ResponseMetadata"]["RequestId"]
        events = beanstalk.describe_events(EnvironmentId=environment, RequestId=request)["Events"]
        told = [f"{event['Severity']} {event['Message']}" for event in reversed(events)]
        self.assertEqual(TOLD.split("\n")[1:-1], [re.sub(r"i-[0-9a-f]+", "i-#", line) for line in told])
        # No recorded event of an environment's names a version.
        self.assertFalse([event for event in events if "VersionLabel" in event])

        health = beanstalk.describe_environment_health(EnvironmentId=environment, AttributeNames=["All"])
        self.assertEqual(("Degraded", "Red"), (health["HealthStatus"], health["Color"]))
        self.assertEqual('Incorrect application version found on 2 out of 3 instances. Expected version "one" (deployment 1).',
                         health["Causes"][0])
        instances = beanstalk.describe_instances_health(EnvironmentId=environment, AttributeNames=["All"])
        causes = [cause for instance in instances["InstanceHealthList"] for cause in instance["Causes"]]
        wrong = 'Incorrect application version "frail" (deployment 2). Expected version "one" (deployment 1).'
        self.assertEqual(2, causes.count(wrong), causes)

        # "Perform another deployment with a known good version" is all there is to go back (the developer guide).
        beanstalk.update_environment(EnvironmentId=environment, VersionLabel="one")
        self.assertEqual("one", stack.settled(environment)["VersionLabel"])
        self.assertEqual([("one", "Deployed", 3)] * 3, deployed(environment))

        self.refuses("InvalidParameterValue", beanstalk.abort_environment_update, EnvironmentId=environment,
                     text="Must be pending deployment.")

        # A canary: two target groups by weight while the new version is tried, and one again when it has taken over.
        splitting = [stack.option("elasticbeanstalk:command", "DeploymentPolicy", "TrafficSplitting"),
                     stack.option("elasticbeanstalk:trafficsplitting", "NewVersionPercent", "25"),
                     stack.option("elasticbeanstalk:trafficsplitting", "EvaluationTime", "60")]
        beanstalk.update_environment(EnvironmentId=environment, OptionSettings=splitting)
        stack.settled(environment)
        add_version("canary", "exit 0")
        beanstalk.update_environment(EnvironmentId=environment, VersionLabel="canary")
        weights = until("the traffic to be split", lambda: len(forwards(environment)) == 2 and forwards(environment))
        self.assertEqual([25, 75], sorted(weights.values()))
        self.assertEqual("canary", stack.settled(environment)["VersionLabel"])
        self.assertEqual([("canary", "Deployed", 4)] * 3, deployed(environment))
        self.assertEqual([1], list(forwards(environment).values()))
