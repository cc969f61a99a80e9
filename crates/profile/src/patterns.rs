//! What AWS takes as a name, a path, a CIDR block and so on: one predicate a kind of text.
//! Knows nothing of profiles.

/// 1 to `longest` characters, each accepted by `good`.
fn spelled(text: &str, longest: usize, good: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().count() <= longest && text.chars().all(good)
}

fn word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// 12 digits (Account Management guide: manage-acct-identifiers).
pub fn account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As `us-east-1`; whether there is such a region is not for confctl to know.
pub fn region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && text.len() <= 20
        && parts
            .iter()
            .all(|part| spelled(part, 20, |c| c.is_ascii_lowercase() || c.is_ascii_digit()))
        && text.ends_with(|last: char| last.is_ascii_digit())
}

/// A Beanstalk application or version: 1 to 100 characters without a slash.
pub(super) fn application(text: &str) -> bool {
    spelled(text, 100, |c| !c.is_control() && c != '/') && text.trim() == text
}

pub(super) fn platform_branch(text: &str) -> bool {
    spelled(text, 255, |c| !c.is_control()) && text.contains(" running on ")
}

pub(super) fn platform_version(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(|part| spelled(part, 5, |c| c.is_ascii_digit()))
}

/// A local path: anything that is not empty.
pub(super) fn path(text: &str) -> bool {
    spelled(text, 4096, |c| c != '\0')
}

pub(super) fn url_path(text: &str) -> bool {
    text.starts_with('/') && spelled(text, 1024, |c| c.is_ascii_graphic())
}

/// A cache behaviour's path pattern, here with its leading slash (CloudFront's API reference, CacheBehavior: PathPattern).
pub(super) fn path_pattern(text: &str) -> bool {
    text.starts_with('/')
        && spelled(text, 255, |c| {
            c.is_ascii_alphanumeric() || "_-.*?$/~\"'@:+&".contains(c)
        })
}

/// A weekly time, as `Sun:04:00` (Beanstalk guide, command-options-general: PreferredStartTime).
pub(super) fn weekly(text: &str) -> bool {
    weekly_minute(text).is_some()
}

/// Minutes from the beginning of a week that begins on Monday.
pub(super) fn weekly_minute(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(':')?;
    let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .position(|name| *name == day)?;
    let (hour, minute) = time.split_once(':')?;
    let number = |text: &str, below: i64| {
        let number = text.parse().ok().filter(|number| (0..below).contains(number));
        number.filter(|_| spelled(text, 2, |c| c.is_ascii_digit()) && text.len() == 2)
    };
    Some((i64::try_from(day).ok()? * 24 + number(hour, 24)?) * 60 + number(minute, 60)?)
}

/// The charset of Beanstalk's environment properties (Beanstalk guide: environments-cfg-softwaresettings).
pub(super) fn property(text: &str) -> bool {
    spelled(text, 128, |c| word_char(c) || ".:/+\\-@".contains(c))
}

pub(super) fn property_value(text: &str) -> bool {
    text.chars().all(|c| !c.is_control())
}

pub(super) fn vpc(text: &str) -> bool {
    text.strip_prefix("vpc-").is_some_and(hexadecimal)
}

pub(super) fn subnet(text: &str) -> bool {
    text.strip_prefix("subnet-").is_some_and(hexadecimal)
}

fn hexadecimal(text: &str) -> bool {
    text.len() >= 8 && spelled(text, 17, |c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

pub(super) fn role(text: &str) -> bool {
    spelled(text, 64, |c| word_char(c) || "+=,.@-".contains(c))
}

/// The name of an AWS managed policy, with its path if it has one, or the ARN of any policy.
pub(super) fn policy(text: &str) -> bool {
    policy_arn(text) || spelled(text, 128, |c| word_char(c) || "+=,.@-/".contains(c))
}

pub(super) fn policy_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.contains(":policy/") && text.chars().all(|c| c.is_ascii_graphic())
}

pub(super) fn load_balancer_arn(text: &str) -> bool {
    let name = text.split_once(":loadbalancer/app/").map(|(_, name)| name);
    text.starts_with("arn:aws")
        && text.contains(":elasticloadbalancing:")
        && text.chars().all(|c| c.is_ascii_graphic())
        && name.is_some_and(|name| name.split('/').count() == 2)
}

pub(super) fn key_pair(text: &str) -> bool {
    spelled(text, 255, |c| c.is_ascii_graphic() || c == ' ') && text.trim() == text
}

/// An IPv4 CIDR block without host bits, as EC2 stores it.
pub(super) fn cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let (Ok(address), Ok(length)) = (address.parse::<std::net::Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    let host_bits = match length {
        0 => u32::MAX,
        1..=31 => u32::MAX >> length,
        32 => 0,
        _ => return false,
    };
    address.to_bits() & host_bits == 0
}

pub(super) fn table(text: &str) -> bool {
    text.len() >= 3 && spelled(text, 255, |c| word_char(c) || c == '.' || c == '-')
}

pub(super) fn attribute(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && spelled(text, 255, |c| word_char(c) || c == '-')
}

/// 4 to 40 letters, digits and hyphens, without a hyphen at either end (botocore: elasticbeanstalk, CreateEnvironment).
pub(super) fn environment(text: &str) -> bool {
    label(text, 40)
}

/// 4 to 63 letters, digits and hyphens, without a hyphen at either end (botocore: elasticbeanstalk, CNAMEPrefix).
pub(super) fn cname_prefix(text: &str) -> bool {
    label(text, 63)
}

fn label(text: &str, longest: usize) -> bool {
    text.len() >= 4
        && spelled(text, longest, |c| c.is_ascii_alphanumeric() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(super) fn instance_type(text: &str) -> bool {
    let part = |part: &str| spelled(part, 30, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    text.split_once('.')
        .is_some_and(|(family, size)| part(family) && part(size))
}

/// Whether an instance type has a Graviton processor: a1, or a `g` after the generation's digits (t4g, c7gn, im4gn).
/// A `g` before them is a family of its own with x86 processors (g4dn, g5).
pub(super) fn is_arm(instance_type: &str) -> bool {
    let family = instance_type.split('.').next().unwrap_or_default();
    let after_generation = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    family == "a1"
        || after_generation
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .starts_with('g')
}

/// One status, a comma list or a range, of 200 to 499 (github.com/aws/aws-elastic-beanstalk-cli/issues/77;
/// Beanstalk guide: environments-cfg-alb).
pub(super) fn matcher(text: &str) -> bool {
    let status = |text: &str| text.len() == 3 && text.parse().is_ok_and(|code: u16| (200..=499).contains(&code));
    match text.split_once('-') {
        Some((first, last)) => status(first) && status(last) && first <= last,
        None => text.split(',').all(status),
    }
}

pub(super) fn http_method(text: &str) -> bool {
    ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"].contains(&text)
}

pub(super) fn comment(text: &str) -> bool {
    spelled(text, 128, |c| !c.is_control())
}

pub(super) fn waf_name(text: &str) -> bool {
    spelled(text, 128, |c| word_char(c) || c == '-')
}

pub(super) fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    spelled(local, 64, |c| c.is_ascii_graphic() && c != '@')
        && spelled(domain, 253, |c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

/// A moment: RFC 3339 with an offset, or a local time with the name of its zone.
pub fn time(text: &str) -> Option<jiff::Timestamp> {
    match text.ends_with(']') {
        true => text.parse::<jiff::ZonedDateTime>().ok().map(|time| time.timestamp()),
        false => text.parse().ok(),
    }
}

pub(super) fn is_time(text: &str) -> bool {
    time(text).is_some()
}

/// A number from 1 to 10,000, and the name of what there is so often.
pub(super) fn prize(text: &str) -> bool {
    let count = |count: &str| count.parse().is_ok_and(|count: u32| (1..=10_000).contains(&count));
    text.split_once(' ').is_some_and(|(number, name)| {
        count(number) && !name.trim().is_empty() && spelled(name, 100, |c| !c.is_control())
    })
}

pub(super) fn domain(text: &str) -> bool {
    let label = |label: &str| spelled(label, 63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    text.contains('.') && text.len() <= 253 && text.split('.').all(label)
}

/// A name for a site, as CloudFront and ACM take it: small letters, at least two labels, none that begins or ends with a hyphen (ACM
/// API, DomainName; CloudFront guide, CNAMEs).
pub(super) fn host(text: &str) -> bool {
    let label = |label: &str| !label.starts_with('-') && !label.ends_with('-');
    let is_number = |label: &str| label.chars().all(|c| c.is_ascii_digit());
    domain(text) && text.split('.').all(label) && text.rsplit('.').next().is_some_and(|last| !is_number(last))
}

/// `auto`, `none`, or a hosted zone's id (botocore: route53, ResourceId).
pub(super) fn zone(text: &str) -> bool {
    let id = |text: &str| text.starts_with('Z') && spelled(text, 32, |c| c.is_ascii_uppercase() || c.is_ascii_digit());
    ["auto", "none"].contains(&text) || id(text)
}

/// A tag's key: Beanstalk takes 127 characters and reserves two prefixes, confctl its own.
pub(super) fn tag_key(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    spelled(text, 127, tag_char)
        && !["aws:", "elasticbeanstalk:", "confctl:"]
            .iter()
            .any(|own| lower.starts_with(own))
        && text != "Name"
}

pub(super) fn tag_value(text: &str) -> bool {
    text.is_empty() || spelled(text, 255, tag_char)
}

fn tag_char(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graviton_types_are_told_from_the_graphics_family() {
        for arm in [
            "t4g.micro",
            "m7g.large",
            "c7gn.xlarge",
            "im4gn.large",
            "is4gen.medium",
            "a1.large",
            "g5g.xlarge",
        ] {
            assert!(is_arm(arm), "{arm}");
        }
        for x86 in [
            "t3.micro",
            "g4dn.xlarge",
            "g5.xlarge",
            "c7i-flex.large",
            "m5.large",
            "u-6tb1.metal",
        ] {
            assert!(!is_arm(x86), "{x86}");
        }
    }

    #[test]
    fn a_cidr_block_has_no_host_bits() {
        for good in ["0.0.0.0/0", "127.0.0.1/32", "203.0.113.0/24", "10.0.0.0/8"] {
            assert!(cidr(good), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "10.0.0.1/8",
            "1.2.3.4/33",
            "1.2.3/24",
            "::/0",
            "1.2.3.4/",
            "/0",
            "0.0.0.1/0",
        ] {
            assert!(!cidr(bad), "{bad}");
        }
    }

    #[test]
    fn a_matcher_is_a_status_a_list_or_a_range() {
        for good in ["200", "200,301", "200-299"] {
            assert!(matcher(good), "{good}");
        }
        for bad in ["", "2xx", "299-200", "200-299,301", "199", "500", "200,", "+20"] {
            assert!(!matcher(bad), "{bad}");
        }
    }

    #[test]
    fn beanstalk_refuses_environment_names_like_these() {
        for bad in ["abc", "-abcd", "abcd-", "a_bcd", &"a".repeat(41)] {
            assert!(!environment(bad), "{bad}");
        }
        assert!(environment("Tcb-conference-env"));
    }

    #[test]
    fn a_time_says_in_which_zone_it_is() {
        let same = [
            "2026-12-10T19:30[Europe/Berlin]",
            "2026-12-10T18:30:00Z",
            "2026-12-10T19:30:00+01:00",
        ];
        assert!(same.iter().all(|text| time(text) == time(same[0]) && is_time(text)));
        for bad in [
            "2026-12-10T19:30",
            "19:30",
            "2026-12-10",
            "2026-12-10T19:30+05:00[Europe/Berlin]",
            "tomorrow",
            "",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
    }

    #[test]
    fn a_weekly_time_is_a_day_and_a_time() {
        assert_eq!(weekly_minute("Mon:00:00"), Some(0));
        assert_eq!(weekly_minute("Sun:23:59"), Some(7 * 24 * 60 - 1));
        for bad in [
            "sun:04:00",
            "Sun:4:00",
            "Sun:24:00",
            "Sun:04:60",
            "04:00",
            "Sun",
            "Sun:+4:00",
            "",
        ] {
            assert!(!weekly(bad), "{bad}");
        }
    }

    #[test]
    fn a_path_pattern_begins_with_a_slash() {
        for good in ["/register", "/api/*", "/v?/x.json"] {
            assert!(path_pattern(good), "{good}");
        }
        for bad in ["register", "*", "", "/a b", "/ü", "/a\"#"] {
            assert!(!path_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn prizes_and_domains_are_written_like_these() {
        assert!(prize("4 Cloud Practitioner") && prize("1 Hauptgewinn ü"));
        for bad in ["Cloud Practitioner", "0 vouchers", "4", "4 ", "-1 voucher", "4 a\nb"] {
            assert!(!prize(bad), "{bad}");
        }
        assert!(domain("example.com") && domain("xn--bcher-kva.example"));
        for bad in ["example", "ada@example.com", "Example.com", ".com", "a..b", ""] {
            assert!(!domain(bad), "{bad}");
        }
    }

    #[test]
    fn a_site_has_a_name_of_letters_and_its_records_a_zone() {
        for good in ["example.org", "events.example.org", "xn--bcher-kva.example"] {
            assert!(host(good), "{good}");
        }
        for bad in [
            "example",
            "Events.example.org",
            "-a.example.org",
            "a-.example.org",
            "*.example.org",
            "192.0.2.1",
            "a..b",
            "",
        ] {
            assert!(!host(bad), "{bad}");
        }
        assert!(zone("auto") && zone("none") && zone("Z0123456789ABCDEFGHIJ"));
        assert!(!zone("example.org") && !zone("/hostedzone/Z1") && !zone(""));
    }

    #[test]
    fn tags_keep_out_of_reserved_ground() {
        for bad in [
            "aws:x",
            "AWS:x",
            "elasticbeanstalk:x",
            "confctl:stack",
            "Name",
            "",
            "a\tb",
        ] {
            assert!(!tag_key(bad), "{bad}");
        }
        assert!(tag_key("Größe") && tag_value("") && tag_value("a b=c@d"));
    }
}
