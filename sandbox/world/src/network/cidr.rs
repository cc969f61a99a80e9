//! Ranges of IPv4 addresses, as VPCs and subnets have them.
//! Must know nothing of who has which range.

use std::net::Ipv4Addr;

/// `10.0.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    first: u32,
    bits: u32,
}

impl Range {
    /// `None` for what is no range; bits behind the prefix are cut off, as EC2 does.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        Some(Self {
            first: u32::from(address) & mask,
            bits,
        })
    }

    fn last(self) -> u32 {
        self.first | u32::MAX.checked_shr(self.bits).unwrap_or(0)
    }

    /// EC2 takes ranges of 16 to 65,536 addresses.
    pub(crate) fn is_allowed(self) -> bool {
        (16..=28).contains(&self.bits)
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }

    /// Addresses for interfaces: EC2 keeps the first four and the last for itself.
    pub fn usable(self) -> i32 {
        i32::try_from(self.last() - self.first).map_or(i32::MAX, |most| most - 4)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", Ipv4Addr::from(self.first), self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::Range;

    #[test]
    fn a_subnet_lies_in_its_vpc_and_apart_from_its_neighbours() {
        let range = |text: &str| Range::parse(text).unwrap();
        assert!(range("10.0.0.0/16").contains(range("10.0.255.0/24")));
        assert!(!range("10.0.0.0/16").contains(range("10.1.0.0/24")));
        assert!(range("10.0.1.0/24").overlaps(range("10.0.1.128/25")));
        assert!(!range("10.0.1.0/24").overlaps(range("10.0.2.0/24")));
        assert_eq!(range("10.0.1.0/24").usable(), 251);
        assert_eq!(range("10.0.1.7/24").to_string(), "10.0.1.0/24");
        assert!(range("0.0.0.0/0").contains(range("255.255.255.255/32")));
        for nonsense in ["", "10.0.0.0", "10.0.0/8", "10.0.0.0/33", "x/8"] {
            assert_eq!(Range::parse(nonsense), None, "{nonsense}");
        }
    }
}
