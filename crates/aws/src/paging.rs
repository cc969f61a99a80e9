//! Lists that AWS gives in pages, read to their end.
//! Must know nothing of which service is asked.

use std::ops::ControlFlow;

use crate::engine::Error;

/// One page of a list, and what asks for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent or empty where this is the last page: most services leave it out then, WAFv2 gives `""` with a resource's tags.
    pub next: Option<String>,
}

/// An empty list.
impl<T> Default for Page<T> {
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl<T> Page<T> {
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self { items, next }
    }
}

/// All items. `page` asks for the page after a marker, the first without one.
///
/// # Errors
/// Where a page cannot be read.
pub async fn all<T, F>(page: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut items = Vec::new();
    each(page, |item| {
        items.push(item);
        ControlFlow::Continue(())
    })
    .await?;
    Ok(items)
}

/// The first item that is wanted; no page is asked for after the one that has it.
///
/// # Errors
/// Where a page cannot be read.
pub async fn first<T, F>(
    page: impl FnMut(Option<String>) -> F,
    mut wanted: impl FnMut(&T) -> bool,
) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut found = None;
    each(page, |item| {
        if wanted(&item) {
            found = Some(item);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok(found)
}

/// Each item as its page comes, until `take` breaks off.
///
/// # Errors
/// Where a page cannot be read.
pub async fn each<T, F>(
    mut page: impl FnMut(Option<String>) -> F,
    mut take: impl FnMut(T) -> ControlFlow<()>,
) -> Result<(), Error>
where
    F: Future<Output = Result<Page<T>, Error>>,
{
    let mut marker: Option<String> = None;
    loop {
        let Page { items, next } = page(marker.clone()).await?;
        for item in items {
            if take(item).is_break() {
                return Ok(());
            }
        }
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(()),
            // As botocore's paginators refuse it: it would never end.
            Some(next) if marker.as_ref() == Some(&next) => {
                return Err(Error::failed("could not read a list to its end")
                    .because(format!("AWS gives the same marker twice: {next}")));
            }
            next => marker = next,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Pages by the marker that asks for them, and the markers that were sent.
    struct Pages {
        given: Vec<(Option<&'static str>, Vec<u8>, Option<&'static str>)>,
        asked: RefCell<Vec<Option<String>>>,
    }

    impl Pages {
        fn new(given: Vec<(Option<&'static str>, Vec<u8>, Option<&'static str>)>) -> Self {
            Self {
                given,
                asked: RefCell::default(),
            }
        }

        async fn page(&self, marker: Option<String>) -> Result<Page<u8>, Error> {
            self.asked.borrow_mut().push(marker.clone());
            let page = self.given.iter().find(|(asked, ..)| *asked == marker.as_deref());
            let (_, items, next) = page.ok_or_else(|| Error::failed("ValidationException"))?;
            Ok(Page::new(items.clone(), next.map(str::to_owned)))
        }
    }

    #[tokio::test]
    async fn a_list_ends_at_an_absent_marker_and_at_an_empty_one() {
        for end in [None, Some("")] {
            let pages = Pages::new(vec![(None, vec![1, 2], Some("2")), (Some("2"), vec![3], end)]);
            assert_eq!(all(|marker| pages.page(marker)).await.unwrap(), [1, 2, 3]);
            assert_eq!(*pages.asked.borrow(), [None, Some("2".to_owned())]);
        }
    }

    #[tokio::test]
    async fn an_empty_page_with_a_marker_is_not_the_end() {
        let pages = Pages::new(vec![(None, vec![], Some("a")), (Some("a"), vec![7], None)]);
        assert_eq!(all(|marker| pages.page(marker)).await.unwrap(), [7]);
    }

    #[tokio::test]
    async fn what_is_found_ends_the_reading() {
        let pages = Pages::new(vec![(None, vec![1, 2], Some("2"))]);
        assert_eq!(
            first(|marker| pages.page(marker), |item| *item == 2).await.unwrap(),
            Some(2)
        );
        assert_eq!(pages.asked.borrow().len(), 1);
    }

    #[tokio::test]
    async fn a_marker_that_comes_back_is_refused_rather_than_followed_for_ever() {
        let pages = Pages::new(vec![(None, vec![1], Some("1")), (Some("1"), vec![1], Some("1"))]);
        let error = all(|marker| pages.page(marker)).await.unwrap_err();
        assert!(error.causes[0].contains("the same marker twice"), "{error:?}");
    }
}
