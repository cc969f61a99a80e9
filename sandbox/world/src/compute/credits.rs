//! How burstable instances spend CPU credits, as ModifyInstanceCreditSpecification sets it. What that does to their processors, and
//! what it costs, is not modelled.
//! Must know nothing of the wire.

use super::{Compute, Instance};
use crate::Refusal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditMode {
    Standard,
    Unlimited,
}

impl CreditMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Unlimited => "unlimited",
        }
    }

    /// # Errors
    /// Where it is neither.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut known = [Self::Standard, Self::Unlimited].into_iter();
        known.find(|mode| mode.as_str() == text).ok_or_else(|| {
            let text = format!("Value ({text}) for parameter CpuCredits is invalid.");
            Refusal::new("InvalidParameterValue", text)
        })
    }
}

/// What is said of an instance that has no credits (botocore: ec2, UnsuccessfulInstanceCreditSpecificationErrorCode).
pub const NOT_SUPPORTED: &str = "InstanceCreditSpecification.NotSupported";

impl Compute {
    /// How it spends credits; `None` of a type that has none. T2 launches as standard, the later families as unlimited (EC2 guide,
    /// burstable-performance-instances).
    pub fn credit_mode(&self, instance: &Instance) -> Option<CreditMode> {
        let family = instance.instance_type.strip_prefix('t')?;
        let usual = match family.chars().next()? {
            '2' => CreditMode::Standard,
            digit if digit.is_ascii_digit() => CreditMode::Unlimited,
            _ => return None,
        };
        Some(self.credits.get(&instance.id).copied().unwrap_or(usual))
    }

    /// As ModifyInstanceCreditSpecification, of one of its instances.
    ///
    /// # Errors
    /// Where there is no such instance, it has ended, or has no credits.
    pub fn set_credit_mode(&mut self, id: &str, mode: CreditMode) -> Result<(), Refusal> {
        let Some(instance) = self.instances.get(id) else {
            let text = format!("The instance ID '{id}' does not exist");
            return Err(Refusal::new("InvalidInstanceID.NotFound", text));
        };
        if !instance.is_alive() {
            let text = format!("The instance '{id}' is not in a state from which its credit option can be changed");
            return Err(Refusal::new("IncorrectInstanceState", text));
        }
        if self.credit_mode(instance).is_none() {
            let text = format!("The instance type of '{id}' does not support CPU credits");
            return Err(Refusal::new(NOT_SUPPORTED, text));
        }
        self.credits.insert(id.to_owned(), mode);
        Ok(())
    }
}
