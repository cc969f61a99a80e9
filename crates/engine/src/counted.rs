//! Numbers of things in words: one of them is one.
//! Must know nothing of what is counted.

/// `1 step`, `10 steps`, `2 addresses`
pub fn counted(count: u64, one: &str) -> String {
    match (count, one.ends_with('s')) {
        (1, _) => format!("1 {one}"),
        (_, true) => format!("{count} {one}es"),
        (_, false) => format!("{count} {one}s"),
    }
}

/// As [`counted`], with what they do: `1 registration is`, `2 registrations are`
pub fn counted_are(count: u64, one: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let steps = [0, 1, 2].map(|count| counted(count, "step"));
        assert_eq!(steps, ["0 steps", "1 step", "2 steps"]);
        assert_eq!(counted(2, "address"), "2 addresses");
        assert_eq!(counted_are(1, "address"), "1 address is");
        assert_eq!(counted_are(0, "registration"), "0 registrations are");
    }
}
