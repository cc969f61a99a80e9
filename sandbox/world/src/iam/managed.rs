//! The managed policies of AWS's that Beanstalk's roles carry or are bounded by, and those for whoever calls Beanstalk. Their documents keep what matters of AWS's own
//! (names, paths and versions as of 2026); a policy that is not here cannot be attached.
//! Must know nothing of roles.

/// A managed policy of AWS's.
#[derive(Debug)]
pub struct ManagedPolicy {
    pub name: &'static str,
    /// `/` or `/service-role/`.
    pub path: &'static str,
    pub description: &'static str,
    /// `v9`.
    pub version: &'static str,
    /// JSON.
    pub document: &'static str,
}

impl ManagedPolicy {
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    /// Whether it is for a service-linked role only.
    pub fn is_of_service(&self) -> bool {
        self.path == "/aws-service-role/"
    }
}

/// The policy with that ARN.
pub fn find(arn: &str) -> Option<&'static ManagedPolicy> {
    let place = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    POLICIES
        .iter()
        .find(|policy| place.strip_prefix(policy.path) == Some(policy.name))
}

/// Those that matter here; AWS has a thousand more.
pub fn all() -> impl Iterator<Item = &'static ManagedPolicy> {
    POLICIES.iter()
}

const POLICIES: &[ManagedPolicy] = &[
    // Without its conditions on what is launched, passed and attached, whose keys no request has here: instances come from launch
    // templates only, and what roles are passed or given nobody checks.
    ManagedPolicy {
        name: "AdministratorAccess-AWSElasticBeanstalk",
        path: "/",
        description: "Grants account administrative permissions. Explicitly allows developers and administrators to gain direct access to resources they need to manage AWS Elastic Beanstalk applications",
        version: "v9",
        document: include_str!("managed/AdministratorAccess-AWSElasticBeanstalk.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkReadOnly",
        path: "/",
        description: "Grants read-only permissions. Explicitly allows operators to gain direct access to retrieve information about resources related to AWS Elastic Beanstalk applications.",
        version: "v1",
        document: include_str!("managed/AWSElasticBeanstalkReadOnly.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkWebTier",
        path: "/",
        description: "Provide the instances in your web server environment access to upload log files to Amazon S3.",
        version: "v9",
        document: include_str!("managed/AWSElasticBeanstalkWebTier.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkWorkerTier",
        path: "/",
        description: "Provide the instances in your worker environment access to upload log files to Amazon S3, to use Amazon SQS to monitor your application's job queue, to use Amazon DynamoDB to perform leader election, and to Amazon CloudWatch to publish metrics for health monitoring.",
        version: "v8",
        document: include_str!("managed/AWSElasticBeanstalkWorkerTier.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkMulticontainerDocker",
        path: "/",
        description: "Provide the instances in your multicontainer Docker environment access to use the Amazon EC2 Container Service to manage container deployment tasks.",
        version: "v5",
        document: include_str!("managed/AWSElasticBeanstalkMulticontainerDocker.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkEnhancedHealth",
        path: "/service-role/",
        description: "AWS Elastic Beanstalk Service policy for Health Monitoring system",
        version: "v4",
        document: include_str!("managed/AWSElasticBeanstalkEnhancedHealth.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
        path: "/",
        description: "This policy is for the AWS Elastic Beanstalk service role used to perform managed updates of Elastic Beanstalk environments.",
        version: "v12",
        document: include_str!("managed/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy.json"),
    },
    ManagedPolicy {
        name: "AWSElasticBeanstalkService",
        path: "/service-role/",
        description: "This policy is on a deprecation path. AWS Elastic Beanstalk Service role policy which grants permissions to create & manage resources.",
        version: "v17",
        document: include_str!("managed/AWSElasticBeanstalkService.json"),
    },
    ManagedPolicy {
        name: "AmazonSSMManagedInstanceCore",
        path: "/",
        description: "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.",
        version: "v2",
        document: include_str!("managed/AmazonSSMManagedInstanceCore.json"),
    },
    ManagedPolicy {
        name: "AmazonDynamoDBFullAccess",
        path: "/",
        description: "Provides full access to Amazon DynamoDB via the AWS Management Console.",
        version: "v15",
        document: include_str!("managed/AmazonDynamoDBFullAccess.json"),
    },
    ManagedPolicy {
        name: "PowerUserAccess",
        path: "/",
        description: "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
        version: "v12",
        document: include_str!("managed/PowerUserAccess.json"),
    },
    // The successor since May 2025; the older one is deprecated, and yet attaches (DynamoDB guide,
    // ddb-security-iam.awsmanpol; github.com/zoph-io/MAMIP still lists it in 2026).
    ManagedPolicy {
        name: "AmazonDynamoDBFullAccess_v2",
        path: "/",
        description: "Provides full access to Amazon DynamoDB via the AWS Management Console.",
        version: "v3",
        document: include_str!("managed/AmazonDynamoDBFullAccess_v2.json"),
    },
    // Of a role that a service makes for itself; no other role may have it.
    ManagedPolicy {
        name: "AutoScalingServiceRolePolicy",
        path: "/aws-service-role/",
        description: "Enables access to AWS Services and Resources used or managed by Auto Scaling",
        version: "v3",
        document: include_str!("managed/AutoScalingServiceRolePolicy.json"),
    },
];

#[cfg(test)]
mod tests {
    use super::super::documents;
    use super::POLICIES;

    #[test]
    fn every_document_is_one() {
        for policy in POLICIES {
            documents::check_permissions(policy.document).unwrap();
        }
    }
}
