//! What an account cannot do yet: accounts opened lately meet such gates one after the other (hazards H11).
//! Must know nothing of who runs into them.

use std::str::FromStr;

/// vCPUs of on-demand standard instances in a new account.
pub(crate) const NEW_ACCOUNT_VCPUS: f64 = 5.0;

/// Each is closed where it is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// Accounts made since October 2024 cannot make launch configurations (facts/eb.md §1.4).
    pub launch_configurations: bool,
    /// No load balancers until support has looked at the account.
    pub load_balancers: bool,
    /// No distributions until the account is verified.
    pub distributions: bool,
    /// A quota of 5 vCPUs of standard instances.
    pub vcpus: bool,
    /// No service-linked roles yet: whoever first needs a service must be allowed to make its role (facts/eb.md §4.4).
    pub service_linked_roles: bool,
}

impl FromStr for Gates {
    type Err = String;

    /// `new` for all of them, or their names with commas between; nothing for an account of old.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut gates = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "launch-configurations" => gates.launch_configurations = true,
                "load-balancers" => gates.load_balancers = true,
                "distributions" => gates.distributions = true,
                "vcpus" => gates.vcpus = true,
                "service-linked-roles" => gates.service_linked_roles = true,
                "new" => {
                    gates = Self {
                        launch_configurations: true,
                        load_balancers: true,
                        distributions: true,
                        vcpus: true,
                        service_linked_roles: true,
                    };
                }
                other => {
                    return Err(format!(
                        "'{other}' is no gate; there are launch-configurations, load-balancers, distributions, vcpus, \
                         service-linked-roles, and new for all of them"
                    ));
                }
            }
        }
        Ok(gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_can_be_new_in_one_thing_or_in_all() {
        let one: Gates = "vcpus, load-balancers".parse().unwrap();
        assert!(one.vcpus && one.load_balancers && !one.distributions && !one.launch_configurations);
        assert_eq!("".parse(), Ok(Gates::default()));
        assert!("new".parse::<Gates>().unwrap().distributions);
        assert!("newish".parse::<Gates>().unwrap_err().contains("'newish' is no gate"));
    }
}
