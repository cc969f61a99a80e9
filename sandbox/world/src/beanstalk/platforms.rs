//! Platform versions that environments run on.
//! Only data and its filters; what they compile or run is the data plane's business.
//! Sources: Beanstalk platforms guide: platforms-supported; botocore: elasticbeanstalk, PlatformFilter.

use crate::Refusal;

#[derive(Debug, Clone, PartialEq)]
pub struct Platform {
    /// `Go 1 running on 64bit Amazon Linux 2023`.
    pub branch: String,
    /// `4.10.0`.
    pub version: &'static str,
    /// `Go`.
    pub category: &'static str,
    /// Only the newest of a branch.
    pub recommended: bool,
    pub arn: String,
    /// `64bit Amazon Linux 2023 v4.10.0 running Go 1`.
    pub solution_stack: String,
}

/// Branch, category, and versions from new to old.
const BRANCHES: &[(&str, &str, &[&str])] = &[
    ("Go 1", "Go", &["4.10.0", "4.9.5"]),
    ("Corretto 25", "Java", &["4.12.8"]),
    ("Corretto 21", "Java", &["4.12.8"]),
    ("Docker", "Docker", &["4.13.8"]),
    ("Python 3.14", "Python", &["4.13.8", "4.13.7"]),
    ("Node.js 24", "Node.js", &["6.11.8"]),
    ("PHP 8.5", "PHP", &["4.13.8"]),
    ("Ruby 4.0", "Ruby", &["4.14.8"]),
];

/// Every version there is in a region, newest of a branch first.
pub fn all(region: &str) -> Vec<Platform> {
    let mut all = Vec::new();
    for (name, category, versions) in BRANCHES {
        for (index, version) in versions.iter().enumerate() {
            let branch = format!("{name} running on 64bit Amazon Linux 2023");
            all.push(Platform {
                arn: format!("arn:aws:elasticbeanstalk:{region}::platform/{branch}/{version}"),
                solution_stack: format!("64bit Amazon Linux 2023 v{version} running {name}"),
                branch,
                version,
                category,
                recommended: index == 0,
            });
        }
    }
    all
}

/// By ARN (of a version, or of a branch, which means its newest) or solution stack name.
pub fn choose(region: &str, arn: Option<&str>, stack: Option<&str>) -> Result<Platform, Refusal> {
    if arn.is_some() && stack.is_some() {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "You cannot specify both SolutionStackName and PlatformArn.",
        ));
    }
    let all = all(region);
    if let Some(stack) = stack {
        return all
            .into_iter()
            .find(|platform| platform.solution_stack == stack)
            .ok_or_else(|| unknown(format!("No Solution Stack named '{stack}' found."), region));
    }
    let Some(arn) = arn else {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "Either SolutionStackName, PlatformArn or TemplateName must be specified.",
        ));
    };
    let branch = arn.rsplit_once("platform/").map_or("", |(_, branch)| branch);
    all.into_iter()
        .find(|platform| platform.arn == arn || platform.branch == branch)
        .ok_or_else(|| unknown(format!("No Platform named '{arn}' found."), region))
}

fn unknown(message: String, region: &str) -> Refusal {
    let all = all(region);
    let names = all.iter().map(|platform| platform.solution_stack.as_str());
    Refusal::new("InvalidParameterValue", message).of_few("platforms", names)
}

/// A filter as ListPlatformVersions and ListPlatformBranches take it: all filters hold. Only `in` and `not_in` have more
/// than one value (API, PlatformFilter and SearchFilter).
#[derive(Debug, Clone)]
pub struct PlatformFilter {
    pub attribute: String,
    pub operator: String,
    pub values: Vec<String>,
}

impl PlatformFilter {
    /// Whether it lets that through.
    pub(crate) fn passes(&self, platform: &Platform) -> Result<bool, Refusal> {
        // As the service's answers and AWS's own client spell it (awsebcli 3.27, `platform_version_ops.py`); the model's text has
        // it small. Whether case matters is not known: here it does, so that nobody comes to rely on either.
        let lifecycle = if platform.recommended { "Recommended" } else { "" };
        let actual = match self.attribute.as_str() {
            "PlatformName" | "PlatformBranchName" | "BranchName" => &platform.branch,
            "PlatformVersion" => platform.version,
            "PlatformStatus" => "Ready",
            "PlatformLifecycleState" => lifecycle,
            "PlatformBranchLifecycleState" => "Supported",
            "LifecycleState" => "Supported",
            "PlatformOwner" => "AWSElasticBeanstalk",
            "SupportedTier" | "TierType" => "WebServer/Standard",
            "SupportedAddon" => "",
            "OperatingSystemName" => "Amazon Linux",
            "ProgrammingLanguageName" => platform.category,
            other => {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!("Filter type '{other}' is invalid."),
                ));
            }
        };
        let actual = actual.to_owned();
        match self.operator.as_str() {
            "in" => return Ok(self.values.contains(&actual)),
            "not_in" => return Ok(!self.values.contains(&actual)),
            _ => {}
        }
        let [value] = self.values.as_slice() else {
            let text = format!("Filter operator '{}' takes one value.", self.operator);
            return Err(Refusal::new("InvalidParameterValue", text));
        };
        let by_version = self.attribute == "PlatformVersion";
        let order = if by_version {
            parts(&actual).cmp(&parts(value))
        } else {
            actual.cmp(value)
        };
        Ok(match self.operator.as_str() {
            "=" => actual == *value,
            "!=" => actual != *value,
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "contains" => actual.contains(value),
            "begins_with" => actual.starts_with(value),
            "ends_with" => actual.ends_with(value),
            other => {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!("Filter operator '{other}' is invalid."),
                ));
            }
        })
    }
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// Those that every filter lets through.
pub fn select(region: &str, filters: &[PlatformFilter]) -> Result<Vec<Platform>, Refusal> {
    let mut chosen = Vec::new();
    for platform in all(region) {
        let mut passes = true;
        for filter in filters {
            passes &= filter.passes(&platform)?;
        }
        if passes {
            chosen.push(platform);
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_that_is_not_here_is_refused_with_those_that_are() {
        let refused = choose(
            "us-east-1",
            None,
            Some("64bit Amazon Linux 2023 v6.1.0 running Tomcat 10 Corretto 21"),
        );
        let text = refused.unwrap_err().message;
        assert!(text.starts_with("No Solution Stack named "), "{text}");
        assert!(
            text.contains("This sandbox has only the platforms 64bit Amazon Linux 2023 v4.10.0 running Go 1,"),
            "{text}"
        );
    }

    #[test]
    fn the_recommended_version_of_a_branch_is_found_as_awss_own_client_asks() {
        let filter = |attribute: &str, value: &str| PlatformFilter {
            attribute: attribute.to_owned(),
            operator: "=".to_owned(),
            values: vec![value.to_owned()],
        };
        let filters = [
            filter("PlatformBranchName", "Go 1 running on 64bit Amazon Linux 2023"),
            filter("PlatformLifecycleState", "Recommended"),
        ];
        let small = filter("PlatformLifecycleState", "recommended");
        assert_eq!(select("eu-west-1", &[small]).unwrap(), []);
        let found = select("eu-west-1", &filters).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].solution_stack, "64bit Amazon Linux 2023 v4.10.0 running Go 1");
        let branch = "arn:aws:elasticbeanstalk:::platform/Go 1 running on 64bit Amazon Linux 2023";
        assert_eq!(choose("eu-west-1", Some(branch), None).unwrap(), found[0]);
        assert_eq!(
            select("eu-west-1", &[filter("Nonsense", "x")]).unwrap_err().code,
            "InvalidParameterValue"
        );
        let two = |operator: &str| PlatformFilter {
            operator: operator.to_owned(),
            values: vec!["4.9.5".to_owned(), "4.10.0".to_owned()],
            ..filter("PlatformVersion", "")
        };
        let go = filter("PlatformBranchName", "Go 1 running on 64bit Amazon Linux 2023");
        assert_eq!(select("eu-west-1", &[go, two("in")]).unwrap().len(), 2);
        assert!(
            select("eu-west-1", &[two("=")])
                .unwrap_err()
                .message
                .contains("one value")
        );
    }
}
