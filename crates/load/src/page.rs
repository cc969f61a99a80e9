//! What a browser takes from the page: the assets it loads and where its form goes.
//! Must know nothing of requests. Not an HTML parser: it finds the attributes of a few elements, and less is no failure.

/// What a page names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Paths of this site's assets.
    pub assets: Vec<String>,
    /// Where the form is sent.
    pub action: String,
}

/// Reads a page of this site.
pub(super) fn read(html: &str) -> Page {
    let mut page = Page {
        assets: Vec::new(),
        action: "/register".to_owned(),
    };
    for element in html.split('<').skip(1) {
        let element = element.split('>').next().unwrap_or_default();
        let name = element.split_ascii_whitespace().next().unwrap_or_default();
        match name {
            "link" | "script" | "img" => {
                let path = attribute(element, "href").or_else(|| attribute(element, "src"));
                page.assets
                    .extend(path.filter(|path| is_of_this_site(path)).map(str::to_owned));
            }
            "form" => {
                if let Some(action) = attribute(element, "action").filter(|path| is_of_this_site(path)) {
                    page.action = action.to_owned();
                }
            }
            _ => {}
        }
    }
    page
}

fn is_of_this_site(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//")
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = element.split_once(&format!(" {name}=\""))?;
    after.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_would_load_these() {
        let html = r#"<!doctype html><html><head>
            <link rel="icon" type="image/svg+xml" href="/assets/icon.1.svg">
            <link rel="stylesheet" href="/assets/style.2.css">
            <link rel="stylesheet" href="https://elsewhere.example/x.css"><link href="//elsewhere.example/y.css">
            <script src="/assets/script.3.js" defer></script></head>
            <body><form id="form" action="/take-part" method="post"></form></body>"#;
        let page = read(html);
        assert_eq!(
            page.assets,
            ["/assets/icon.1.svg", "/assets/style.2.css", "/assets/script.3.js"]
        );
        assert_eq!(page.action, "/take-part");
    }

    #[test]
    fn what_is_no_page_names_nothing() {
        for text in ["", "<", "{}", "<form action=>", "a < b > c"] {
            let page = read(text);
            assert_eq!((page.assets.len(), page.action.as_str()), (0, "/register"));
        }
    }
}
