//! What of an environment cannot be changed where it stands, so that `up` is blocked and says the way round.
//! Must know nothing of how the rest is changed.

use super::Environment;
use super::live::{Live, Trouble};
use super::options::{self, Inputs, Key, OptionSettings};
use super::steps::EnvironmentStep;
use crate::aws::platforms;
use crate::engine::{Hint, Plan, Values};

impl Environment {
    /// What cannot be changed in an environment that exists.
    pub(super) fn immutable(&self, live: &Live, known: &Values) -> Option<Plan<EnvironmentStep>> {
        if let Some(Trouble::Stuck(trouble)) = &live.broken {
            // It may serve: taking it down is for its owner to say.
            return Some(Plan::blocked(
                format!("{trouble}; Beanstalk cannot change it"),
                Hint::from("mend the stack in CloudFormation, or: ")
                    .and_run("teardown --keep users-table")
                    .then("up"),
            ));
        }
        let why = self
            .other_kind(live)
            .or_else(|| self.other_load_balancer(live, known))
            .or_else(|| self.other_place(live))
            .or_else(|| self.other_name(live))?;
        Some(Plan::blocked(
            why,
            "give another name with it, --set environment.name=NAME: the new one serves before the former is removed",
        ))
    }

    /// Another type. Beanstalk refuses another load balancer ("LoadBalancer type option cannot be changed",
    /// hashicorp/terraform-provider-aws#812), and one without has the classic type; the other way round nobody is served meanwhile.
    fn other_kind(&self, live: &Live) -> Option<String> {
        let wanted = options::wanted(&self.stack.profile, &self.stack.region, &Inputs::default());
        ["EnvironmentType", "LoadBalancerType"].into_iter().find_map(|name| {
            let key: Key = ("aws:elasticbeanstalk:environment".to_owned(), name.to_owned());
            let (is, want) = (live.settings.get(&key)?, wanted.get(&key)?);
            (is != want).then(|| format!("its {name} is {is}, the profile says {want}"))
        })
    }

    /// Another load balancer than it was made with: whether it is shared, which one, and by which group it comes (create-only, by the
    /// developer guide's command-options-general and environments-cfg-alb-shared).
    fn other_load_balancer(&self, live: &Live, known: &Values) -> Option<String> {
        let wanted = self.wanted(known);
        let get = |settings: &OptionSettings, namespace: &str, name: &str| {
            settings.get(&(namespace.to_owned(), name.to_owned())).cloned()
        };
        let is_shared = |settings| {
            get(settings, options::ENVIRONMENT, options::IS_SHARED)
                .is_some_and(|is: String| is.eq_ignore_ascii_case("true"))
        };
        match (is_shared(&live.settings), is_shared(&wanted)) {
            (false, false) => return None,
            (false, true) => return Some("its load balancer is Beanstalk's, the profile wants another".to_owned()),
            (true, false) => return Some("its load balancer is not Beanstalk's, as the profile wants it".to_owned()),
            (true, true) => {}
        }
        if live.load_balancer.is_none() {
            return Some("the load balancer that it is behind is gone".to_owned());
        }
        [options::SHARED, options::GROUPS].into_iter().find_map(|name| {
            let (is, want) = (
                get(&live.settings, options::BALANCER, name)?,
                get(&wanted, options::BALANCER, name)?,
            );
            (is != want).then(|| format!("its {name} is {is}, the profile says {want}"))
        })
    }

    /// Another VPC ("You cannot migrate an environment to a VPC. Launch a new environment in the VPC.",
    /// hsingh/ansible-elastic-beanstalk#17), or a platform that could not start the version that runs.
    fn other_place(&self, live: &Live) -> Option<String> {
        let key: Key = (options::VPC.to_owned(), "VPCId".to_owned());
        if let (Some(is), Some(want)) = (live.settings.get(&key), &self.stack.profile.network.vpc)
            && is != want
        {
            return Some(format!("it is in the VPC {is}, the profile says {want}"));
        }
        let (arn, branch) = (live.platform_arn.as_deref()?, &self.stack.profile.app.platform);
        (!platforms::is_akin(arn, branch)).then(|| format!("its platform is {arn}, the profile says {branch}"))
    }

    /// Another prefix of its domain, which an environment keeps (botocore: only CreateEnvironment has CNAMEPrefix).
    fn other_name(&self, live: &Live) -> Option<String> {
        let wanted = self.stack.profile.environment.cname_prefix.as_ref()?;
        let label = live.cname.split('.').next().filter(|label| !label.is_empty())?;
        let fits = self.stack.names.fits_cname(label);
        (!fits).then(|| format!("its domain begins with {label}, the profile says {wanted}"))
    }
}
