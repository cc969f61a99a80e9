"""A small environment by boto3, for stories that need one and do not care how it came to be."""

import json

import bundles
from account import client, until

INSTANCE_ROLE = "small-ec2-role"


def option(namespace, name, value):
    return {"Namespace": f"aws:{namespace}", "OptionName": name, "Value": value}


SINGLE = [
    option("elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
    option("autoscaling:launchconfiguration", "IamInstanceProfile", INSTANCE_ROLE),
    option("autoscaling:launchconfiguration", "RootVolumeType", "gp3"),
    option("autoscaling:launchconfiguration", "DisableIMDSv1", "true"),
    option("ec2:instances", "InstanceTypes", "t3.micro"),
]


def prepare(application):
    """What an environment needs: a network, a role in a profile, a version."""
    ec2, iam, beanstalk, s3 = client("ec2"), client("iam"), client("elasticbeanstalk"), client("s3")
    if not ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
        ec2.create_default_vpc()
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=INSTANCE_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    for policy in ("AWSElasticBeanstalkWebTier", "AmazonDynamoDBFullAccess"):
        iam.attach_role_policy(RoleName=INSTANCE_ROLE, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    iam.create_instance_profile(InstanceProfileName=INSTANCE_ROLE)
    iam.add_role_to_instance_profile(InstanceProfileName=INSTANCE_ROLE, RoleName=INSTANCE_ROLE)
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    beanstalk.create_application(ApplicationName=application)
    s3.upload_file(bundles.first(), bucket, f"{application}/one.zip")
    beanstalk.create_application_version(ApplicationName=application, VersionLabel="one",
                                         SourceBundle={"S3Bucket": bucket, "S3Key": f"{application}/one.zip"})


def create(application, name, settings=(), beanstalk=None, **more):
    """CreateEnvironment's answer, to the account's own user or to whose client is given."""
    return (beanstalk or client("elasticbeanstalk")).create_environment(
        ApplicationName=application, EnvironmentName=name, OptionSettings=list(settings),
        PlatformArn="arn:aws:elasticbeanstalk:::platform/Go 1 running on 64bit Amazon Linux 2023",
        **{"VersionLabel": "one", **more})


def settled(environment_id):
    """The environment once it is neither launching nor updating nor terminating."""
    def look():
        found = client("elasticbeanstalk").describe_environments(EnvironmentIds=[environment_id])["Environments"][0]
        return found if found["Status"] in ("Ready", "Terminated") else None

    return until(f"{environment_id} at rest", look)
