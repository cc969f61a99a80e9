//! Who gets through to a load balancer: its security groups, by where a connection comes from.
//! Must know nothing of HTTP. Behind it nothing is held: instances share one machine.

use std::net::IpAddr;

use super::Region;
use super::balancing::LoadBalancer;
use super::network::cidr::Range;
use super::network::security_groups::{Permission, Source, cloudfront_prefix_list};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// One of CloudFront's edge locations.
    Edge,
    /// Anybody else.
    Outside(IpAddr),
}

impl Region {
    /// Whether the load balancer's security groups let a connection to this port in. One without groups, as classic and network
    /// ones can be, lets everybody in.
    pub fn lets_in(&self, balancer: &LoadBalancer, port: u16, peer: Peer) -> bool {
        let groups = balancer.security_groups.iter();
        let mut rules = groups
            .filter_map(|id| self.network.security_groups.get(id))
            .flat_map(|group| &group.ingress);
        balancer.security_groups.is_empty()
            || rules.any(|rule| is_of_port(rule, port) && is_from(&rule.source, peer, &self.name))
    }
}

/// A rule for all protocols is for all ports, whatever it says of them (EC2 API, IpPermission).
fn is_of_port(rule: &Permission, port: u16) -> bool {
    let port = i32::from(port);
    let within = rule.from_port.is_none_or(|from| from <= port) && rule.to_port.is_none_or(|to| port <= to);
    rule.protocol == "-1" || (rule.protocol == "tcp" && within)
}

/// Members of a group are instances and load balancers, and none of them calls here.
fn is_from(source: &Source, peer: Peer, region: &str) -> bool {
    let everywhere = |cidr: &str| Range::parse(cidr) == Range::parse("0.0.0.0/0");
    match (source, peer) {
        (Source::Group(_), _) => false,
        (Source::PrefixList(id), Peer::Edge) => *id == cloudfront_prefix_list(region),
        (Source::PrefixList(_), Peer::Outside(_)) => false,
        // Which addresses the edge has nobody writes into a rule: the list is for that.
        (Source::Cidr(cidr), Peer::Edge) => everywhere(cidr),
        (Source::Cidr(cidr), Peer::Outside(IpAddr::V4(address))) => {
            let own = Range::parse(&format!("{address}/32"));
            Range::parse(cidr)
                .zip(own)
                .is_some_and(|(range, own)| range.contains(own))
        }
        (Source::Cidr(cidr), Peer::Outside(IpAddr::V6(_))) => cidr == "::/0",
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn rule(protocol: &str, ports: (i32, i32), source: Source) -> Permission {
        Permission {
            protocol: protocol.to_owned(),
            from_port: Some(ports.0),
            to_port: Some(ports.1),
            source,
            description: None,
        }
    }

    #[test]
    fn cloudfronts_list_lets_the_edge_in_and_nobody_else() {
        let list = Source::PrefixList(cloudfront_prefix_list("us-east-1"));
        let outside = Peer::Outside(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!(is_from(&list, Peer::Edge, "us-east-1"));
        assert!(!is_from(&list, outside, "us-east-1"));
        // A list is a region's.
        assert!(!is_from(&list, Peer::Edge, "eu-west-1"));
        for (cidr, edge, viewer) in [
            ("0.0.0.0/0", true, true),
            ("127.0.0.0/8", false, true),
            ("203.0.113.0/24", false, false),
        ] {
            let source = Source::Cidr(cidr.to_owned());
            let let_in = [Peer::Edge, outside].map(|peer| is_from(&source, peer, "us-east-1"));
            assert_eq!(let_in, [edge, viewer], "{cidr}");
        }
        assert!(!is_from(&Source::Group("sg-1".to_owned()), Peer::Edge, "us-east-1"));
    }

    #[test]
    fn a_rule_is_for_its_ports_and_protocol() {
        let anybody = || Source::Cidr("0.0.0.0/0".to_owned());
        assert!(is_of_port(&rule("tcp", (80, 80), anybody()), 80));
        assert!(is_of_port(&rule("tcp", (0, 65_535), anybody()), 80));
        assert!(!is_of_port(&rule("tcp", (443, 443), anybody()), 80));
        assert!(!is_of_port(&rule("udp", (80, 80), anybody()), 80));
        assert!(is_of_port(&rule("-1", (443, 443), anybody()), 80));
    }
}
