//! Patterns as CloudFront's paths, listener rules and IAM's actions have them.
//! Must know nothing of what is matched.

/// `*` stands for any number of characters, `?` for one; case counts.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one more character eaten by it.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, from));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == text[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((behind, eaten)) = star else { return false };
                star = Some((behind, eaten + 1));
                (at, from) = (behind, eaten + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}
