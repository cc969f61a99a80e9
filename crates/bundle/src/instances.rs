//! What a bundle is to run on: the instances' processor and the platform branch.
//! Knows nothing of bundles.

use confctl_profile::Architecture;

/// The processor as Rust's triples name it.
pub(crate) fn processor(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "aarch64",
    }
}

/// The triple of Amazon Linux.
pub(crate) fn target(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64-unknown-linux-gnu",
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// What a bundle is made for.
#[derive(Clone, Debug)]
pub struct Instances {
    pub architecture: Architecture,
    /// The platform branch, as `Go 1 running on 64bit Amazon Linux 2023`.
    pub branch: String,
    /// What is wrong with the bundle is told and does not stop it.
    pub unchecked: bool,
    /// A package is compiled as what is released: by its workspace's profile `bundle-release` where there is one, else by `release`.
    pub release: bool,
}

impl Instances {
    pub(crate) fn platform(&self) -> Platform {
        Platform::of_branch(&self.branch)
    }
}

/// The families of platforms that treat a bundle alike (Beanstalk platforms guide: platforms-supported).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    Corretto,
    Docker,
    DotNet,
    Ecs,
    Go,
    NodeJs,
    Php,
    Python,
    Ruby,
    Tomcat,
    /// One that is newer than this program.
    Unknown,
}

impl Platform {
    fn of_branch(branch: &str) -> Self {
        match branch.split_whitespace().next().unwrap_or_default() {
            "Corretto" => Self::Corretto,
            "Docker" => Self::Docker,
            ".NET" => Self::DotNet,
            "ECS" => Self::Ecs,
            "Go" => Self::Go,
            "Node.js" => Self::NodeJs,
            "PHP" => Self::Php,
            "Python" => Self::Python,
            "Ruby" => Self::Ruby,
            "Tomcat" => Self::Tomcat,
            _ => Self::Unknown,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Corretto => "Corretto",
            Self::Docker => "Docker",
            Self::DotNet => ".NET",
            Self::Ecs => "ECS",
            Self::Go => "Go",
            Self::NodeJs => "Node.js",
            Self::Php => "PHP",
            Self::Python => "Python",
            Self::Ruby => "Ruby",
            Self::Tomcat => "Tomcat",
            Self::Unknown => "this",
        }
    }

    /// Whether the app runs in a container, whose programs the bundle's check cannot see.
    pub(crate) fn is_container(self) -> bool {
        matches!(self, Self::Docker | Self::Ecs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_tells_its_platform() {
        let of = Platform::of_branch;
        assert_eq!(of("Go 1 running on 64bit Amazon Linux 2023"), Platform::Go);
        assert_eq!(of("Node.js 24 running on 64bit Amazon Linux 2023"), Platform::NodeJs);
        assert_eq!(of(".NET 9 running on 64bit Amazon Linux 2023"), Platform::DotNet);
        assert_eq!(of("Docker running on 64bit Amazon Linux 2023"), Platform::Docker);
        assert_eq!(
            of("Tomcat 11 with Corretto 21 running on 64bit Amazon Linux 2023"),
            Platform::Tomcat
        );
        assert_eq!(of("Zig 1 running on 64bit Amazon Linux 2028"), Platform::Unknown);
    }
}
