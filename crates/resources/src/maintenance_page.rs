//! The maintenance page: a rule before the one that lets CloudFront in. It asks for the same secret, so that who comes past the edge
//! is refused as ever; the rule is all that there is of it, and says by itself that the page is shown.
//!
//! It is looked at by a run that turns it on or off. All others leave it as it is: the load balancer keeps its secret right, and takes
//! it away with the listener.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudfront::types::DistributionSummary;

use super::distribution_calls as calls;
use super::front_door::{self, FrontDoor, MAINTENANCE, MaintenanceRule, SINCE};
use super::load_balancer::knows;
use super::maintenance_html::Page;
use super::outputs::SHOWN_INSTEAD;
use super::stack::Stack;
use crate::aws::errors::Explain;
use crate::aws::services::load_balancing::Action;
use crate::aws::{Aws, lifetime};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Notice, Observed, Owner, Plan, ReadCx, Removal, Resource, ResourceId,
    Values, WriteCx,
};

const ID: ResourceId = MAINTENANCE.0;
const LIMITS: Limits = Limits::minutes(1, 2);

/// "The HTTP 503 status code … can be used … for maintenance" (RFC 9110, 15.6.4): nobody takes the page for the site.
const STATUS: u16 = 503;

/// What ELB says of a rule that is not there.
const GONE: &[&str] = &["RuleNotFound", "RuleNotFoundException"];

const PAGE: &str = "page";
const KEPT: &str = "pages that the edge keeps";

/// What a run is asked to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maintenance {
    /// `None`: the page as it is; where there is none, confctl's own words.
    On(Option<Page>),
    Off,
}

pub(super) struct MaintenancePage {
    stack: Arc<Stack>,
    wanted: Maintenance,
}

/// What a plan's reader should know while it is shown.
pub(super) fn notice(since: Option<&str>) -> Notice {
    let text = match since {
        Some(since) => format!("the site shows its maintenance page since {since}"),
        None => "the site shows its maintenance page, and the edge may keep pages of the site".to_owned(),
    };
    let hint = match since {
        Some(_) => Hint::run("maintenance off").and(" lets visitors in again"),
        None => Hint::run("maintenance on")
            .and(" goes on with it, ")
            .and_run("maintenance off")
            .and(" ends it"),
    };
    Notice::new(text).hint(hint)
}

impl MaintenancePage {
    pub(super) fn new(stack: Arc<Stack>, wanted: Maintenance) -> Self {
        Self { stack, wanted }
    }

    async fn door(&self, aws: &Aws) -> Result<FrontDoor, Error> {
        let name = &self.stack.names.load_balancer;
        let door = front_door::look(aws, &self.stack).await?;
        let door = door.filter(|door| self.stack.ownership.owner_by(&door.tags) == Owner::Ours);
        door.ok_or_else(|| Error::failed(format!("the stack has no load balancer {name}")).hint(Hint::run("up")))
    }

    async fn show(&self, cx: &WriteCx<Aws>, page: &Page) -> Result<MaintenanceRule, Error> {
        let door = self.door(cx.read().aws()).await?;
        let listener = door.listener.as_ref().map(|listener| listener.arn.as_str());
        let (Some(listener), secrets) = (listener, door.secrets()) else {
            return Err(closed());
        };
        let tags = self.stack.ownership.tags(ID);
        let (asks, shows) = (knows(&secrets), Action::page(STATUS, &page.html));
        cx.check()?;
        let made = cx
            .aws()
            .elb
            .create_rule(listener, MAINTENANCE.1, &asks, &shows, &tags)
            .await;
        let made = made.explain(&format!("add the {}", self.title()));
        // An earlier try's, whose answer was lost; or somebody else's, in whose place it cannot be.
        match (self.door(cx.read().aws()).await?.maintenance, made) {
            (Some(page), _) => Ok(page),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => {
                Err(Error::failed("ELB does not show the rule that it has made").hint(Hint::run("maintenance on")))
            }
        }
    }

    /// Once edge locations keep nothing of the site any more, everybody sees the page; from then on it says so itself.
    async fn spread(&self, cx: &WriteCx<Aws>, page: MaintenanceRule) -> Result<MaintenanceRule, Error> {
        let aws = cx.read().aws();
        let door = self.door(aws).await?;
        let is_before_it = |one: &DistributionSummary| {
            let origins = one.origins.iter().flat_map(|origins| &origins.items);
            let mut origins = origins.map(|origin| &origin.domain_name);
            self.stack.found_distributions.contains(&one.id) || origins.any(|name| *name == door.dns_name)
        };
        for distribution in calls::list(aws, is_before_it).await? {
            calls::forget(cx, &distribution.id).await?;
        }
        let since = lifetime::now(aws).await?.to_string();
        let tag = BTreeMap::from([(SINCE.to_owned(), since.clone())]);
        cx.check()?;
        let tagged = cx.aws().elb.add_tags(&page.rule.arn, &tag).await;
        tagged.explain(&format!("tag the {}", self.title()))?;
        Ok(MaintenanceRule {
            since: Some(since),
            ..page
        })
    }

    fn steps(&self, shown: &MaintenanceRule) -> Vec<FieldChange> {
        let page = match &self.wanted {
            Maintenance::Off => {
                let since = shown
                    .since
                    .as_ref()
                    .map_or_else(|| "shown".to_owned(), |since| format!("shown since {since}"));
                return vec![FieldChange::new(PAGE, since, "not shown".to_owned())];
            }
            Maintenance::On(page) => page.as_ref(),
        };
        let other = page.filter(|page| shown.rule.actions() != [Action::page(STATUS, &page.html)]);
        let other = other.map(|page| FieldChange::new(PAGE, "another".to_owned(), page.text.clone()));
        let kept = shown.since.is_none();
        let kept = kept.then(|| FieldChange::new(KEPT, "shown".to_owned(), "forgotten".to_owned()));
        other.into_iter().chain(kept).collect()
    }
}

/// It would be for nobody: no rule lets CloudFront in.
fn closed() -> Error {
    Error::failed("the load balancer lets nobody in").hint(Hint::run("up"))
}

impl Resource for MaintenancePage {
    type Live = MaintenanceRule;
    type Place = bool;
    type Step = FieldChange;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.load_balancer.clone()
    }

    fn title(&self) -> String {
        format!("maintenance page at {}", self.stack.names.load_balancer)
    }

    fn needs(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn gives(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    /// Where it is not, whether there is a rule that it could come before.
    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<MaintenanceRule, bool>, Error> {
        let door = front_door::look(cx.aws(), &self.stack).await?;
        let door = door.filter(|door| self.stack.ownership.owner_by(&door.tags) == Owner::Ours);
        let has_way_in = door.as_ref().is_some_and(|door| !door.secrets().is_empty());
        Ok(match door.and_then(|door| door.maintenance) {
            Some(live) => Observed::Present {
                live,
                owner: Owner::Ours,
            },
            None => Observed::Absent(has_way_in),
        })
    }

    fn plan(&self, seen: &Observed<MaintenanceRule, bool>, _: &Values) -> Plan<FieldChange> {
        match (seen, &self.wanted) {
            (Observed::Absent(_), Maintenance::Off) => Plan::Keep,
            (Observed::Absent(true), Maintenance::On(_)) => Plan::Create,
            (Observed::Absent(false), Maintenance::On(_)) => Plan::blocked(
                "the stack is not up, or its load balancer lets nobody in",
                Hint::run("up").and(" makes it so"),
            ),
            _ => Plan::of(seen.live().map(|(shown, _)| self.steps(shown)).unwrap_or_default()),
        }
    }

    fn publish(&self, page: &MaintenanceRule, values: &mut Values) {
        values.set(&SHOWN_INSTEAD, page.since.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, _: bool) -> Result<MaintenanceRule, Failure> {
        let page = match &self.wanted {
            Maintenance::On(page) => page.clone().unwrap_or_default(),
            Maintenance::Off => return Err(closed().into()),
        };
        let shown = self.show(cx, &page).await?;
        Ok(self.spread(cx, shown).await?)
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        page: MaintenanceRule,
        steps: Vec<FieldChange>,
    ) -> Result<MaintenanceRule, Failure> {
        let (elb, arn) = (&cx.aws().elb, &page.rule.arn);
        let doing = format!("change the {}", self.title());
        cx.check()?;
        let wanted = match &self.wanted {
            Maintenance::Off => {
                elb.delete_rule(arn).await.or_absent(GONE, &doing)?;
                return Ok(page);
            }
            Maintenance::On(wanted) => wanted.as_ref(),
        };
        let takes = |field: &str| steps.iter().any(|step| step.field == field);
        if let Some(wanted) = wanted.filter(|_| takes(PAGE)) {
            let shows = Action::page(STATUS, &wanted.html);
            elb.modify_rule(arn, None, Some(&shows)).await.explain(&doing)?;
        }
        match takes(KEPT) {
            true => Ok(self.spread(cx, page).await?),
            false => Ok(page),
        }
    }

    /// It goes with its listener.
    fn plan_removal(&self, _: &Observed<MaintenanceRule, bool>) -> Removal {
        Removal::Absent
    }

    async fn delete(&self, _: &WriteCx<Aws>, _: MaintenanceRule) -> Result<(), Failure> {
        Ok(())
    }
}
