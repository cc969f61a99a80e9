"""Holds the members of an answer against recorded.txt: what every recorded answer of AWS had must be there, and what none had
needs a reason. Must know nothing of values.
"""

import collections
import functools
import os

HERE = os.path.dirname(os.path.abspath(__file__))

# Of fewer answers nothing is said that was not there.
FEW = 4

# Members that recordings always have and an answer here may lack, and why.
LACKING = {
    ("elasticbeanstalk", "DescribeConfigurationSettings", "ConfigurationSettings[].OptionSettings[].Value"):
        "the recordings are cut; a whole answer of 2025 has none where nothing was set",
    ("elasticbeanstalk", "DescribeEnvironments", "Environments[].CNAME"):
        "the recordings are of environments at rest; of one that is launched it is not known yet",
    ("elasticbeanstalk", "ListTagsForResource", "ResourceArn"):
        "who may not read is answered with nothing, not with an error",
    ("cloudfront", "ListDistributions", "DistributionList.Items"): "there is no recording of an account without distributions",
    ("ssm", "DescribeInstanceInformation", "InstanceInformationList[].AssociationOverview"): "nothing is associated here",
    ("ssm", "DescribeInstanceInformation", "InstanceInformationList[].AssociationStatus"): "nothing is associated here",
    ("ssm", "DescribeInstanceInformation", "InstanceInformationList[].LastAssociationExecutionDate"):
        "nothing is associated here",
    ("ssm", "DescribeInstanceInformation", "InstanceInformationList[].LastSuccessfulAssociationExecutionDate"):
        "nothing is associated here",
}

# Members that no recording has and an answer here may have, and why.
BEYOND = {
    ("ec2", "DescribeInternetGateways", "NextToken"): "none of those that were recorded had a second page",
    **{("ec2", "DescribeKeyPairs", f"KeyPairs[].{member}"): "newer than the recordings (EC2 API, 2021 and 2022)"
       for member in ("CreateTime", "KeyType", "PublicKey", "Tags[].Key", "Tags[].Value")},
    ("iam", "CreateRole", "Role.Description"): "none of those that were recorded was given one",
    ("iam", "CreateRole", "Role.PermissionsBoundary"): "none of those that were recorded was given one",
    ("iam", "SimulatePrincipalPolicy", "EvaluationResults[].ResourceSpecificResults"): "newer than the recordings (IAM API, 2026)",
    ("elasticbeanstalk", "DescribeEnvironments", "Environments[].TemplateName"): "none of those that were recorded was made from one",
    ("elbv2", "DescribeTargetGroups", "TargetGroups[].ProtocolVersion"): "newer than the recordings (ELB API, 2020)",
}

# The same of members wherever they are: by service, what AWS has had since the recordings were made.
NEWER = {
    "cloudfront": {"CachePolicyId", "OriginRequestPolicyId", "ResponseHeadersPolicyId", "OriginAccessControlId", "Staging",
                   "ContinuousDeploymentPolicyId", "GrpcConfig", "ETag"},
}


@functools.lru_cache(maxsize=None)
def table():
    """By service and operation: the members that were seen, if there are answers enough, and of each structure those that it
    always had."""
    found = {}
    with open(os.path.join(HERE, "recorded.txt"), encoding="utf-8") as lines:
        for line in lines:
            mark, _, rest = line.rstrip("\n").partition(" ")
            if line.startswith("["):
                service, operation, answers = line.strip("[]\n").split(" ")
                seen, always = set(), collections.defaultdict(set)
                found[service, operation] = (seen if int(answers) >= FEW else None, always)
            elif mark in "+.":
                seen.add(rest)
                if mark == "+":
                    parent, _, name = rest.rpartition(".")
                    always[parent].add(name)
    return found


def problems(model, parsed):
    """What the table has against a successful answer, one line a problem."""
    key = (model.service_model.service_name, model.name)
    if key not in table() or model.output_shape is None:
        return []
    seen, always = table()[key]
    found = []
    _walk(model.output_shape, parsed, "", seen, always, found)
    label = f"{model.service_model.service_id}.{model.name}"
    return [f"{label}: {line}" for line in found if not _excused(key, line)]


def _excused(key, line):
    path = line.split(" ")[0]
    newer = " is there, " in line and path.rpartition(".")[2] in NEWER.get(key[0], ())
    return newer or (*key, path) in LACKING or (*key, path) in BEYOND


def _walk(shape, value, path, seen, always, found):
    if shape.type_name == "list":
        for one in value:
            _walk(shape.member, one, f"{path}[]", seen, always, found)
    if shape.type_name not in ("structure", "map"):
        return
    # An empty structure has nothing that it must have.
    for name in sorted(always.get(path, ())) if value else ():
        if name not in value:
            found.append(f"{_below(path, name)} is missing, which every recorded answer has")
    if shape.type_name == "map":
        return
    for name, inner in value.items():
        member = shape.members.get(name)
        if member is None:
            continue
        below = _below(path, name)
        if seen is not None and below not in seen:
            found.append(f"{below} is there, which no recorded answer has")
        elif inner is not None:
            _walk(member, inner, below, seen, always, found)


def _below(path, name):
    return f"{path}.{name}" if path else name
