//! Lists that AWS gives in no order: neither that of their making nor that of their names, and the same each time.
//! Must know nothing of what is in them.

use std::hash::{DefaultHasher, Hash, Hasher};

/// In an order that means nothing, so that no client comes to rely on one.
pub(super) fn in_no_order<T, K: Hash>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_by_cached_key(|item| {
        let mut hasher = DefaultHasher::new();
        key(item).hash(&mut hasher);
        hasher.finish()
    });
    items
}

#[cfg(test)]
mod tests {
    use super::in_no_order;

    #[test]
    fn nothing_is_lost_and_nothing_is_sorted() {
        let shuffled = in_no_order(0..20, |number| *number);
        assert_ne!(shuffled, (0..20).collect::<Vec<_>>());
        let mut sorted = shuffled.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        assert_eq!(shuffled, in_no_order(0..20, |number| *number));
    }
}
