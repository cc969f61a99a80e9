//! Generated addresses: unique, impossible for a person to have, and told from real ones by their suffix alone.
//! Must know nothing of where they are stored.

/// What every address that confctl makes up ends in. `.invalid` never belongs to anybody (RFC 2606). By it they are
/// found and removed, and told from people's.
pub const RESERVED_SUFFIX: &str = ".confctl.invalid";

/// Whether confctl made it up.
pub fn is_generated(address: &str) -> bool {
    address.ends_with(RESERVED_SUFFIX)
}

/// The addresses of one run.
#[derive(Debug, Clone)]
pub struct Addresses {
    suffix: String,
}

impl Addresses {
    /// What those of every run end in.
    pub fn suffix_of_all() -> String {
        format!(".load{RESERVED_SUFFIX}")
    }

    /// `run`: what tells this run from others, of lower case letters and digits.
    pub fn new(run: &str) -> Self {
        Self {
            suffix: format!("@{run}{}", Self::suffix_of_all()),
        }
    }

    /// What all of this run's end in, and no other's.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    pub fn of(&self, person: u32) -> String {
        format!("p{person}{}", self.suffix)
    }

    /// The person whose address this is, where it is one of this run's.
    pub fn person(&self, address: &str) -> Option<u32> {
        address.strip_suffix(&self.suffix)?.strip_prefix('p')?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_addresses_are_its_own_and_nobody_elses() {
        let (one, two) = (Addresses::new("a1"), Addresses::new("b2"));
        assert_eq!(one.of(7), "p7@a1.load.confctl.invalid");
        assert_eq!(one.person(&one.of(7)), Some(7));
        assert_eq!(two.person(&one.of(7)), None);
        assert!(is_generated(&one.of(0)) && is_generated("0af1@verify.confctl.invalid"));
        assert!(!is_generated("ada@example.com"));
    }
}
