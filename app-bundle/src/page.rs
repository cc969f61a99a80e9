//! The one page in each of its states, and its assets, all made once at start: a request only picks one.
//! Of a visitor nothing gets in here but the ticket, 32 digits of our own, in the answer to a POST: so nothing can be reflected, and
//! a shared cache may keep what a GET answers.

use std::fmt::Write;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::App;
use crate::address::{AddressError, MAX_LENGTH};
use crate::config::{Config, Event};
use crate::language::{Language, Texts};

/// Browsers ask each time (and mostly get 304), the edge asks every ten seconds, and goes on showing the page while it
/// asks or while the origin is in trouble.
const PAGE_CACHING: HeaderValue =
    HeaderValue::from_static("public, max-age=0, s-maxage=10, stale-while-revalidate=60, stale-if-error=3600");
/// The path changes with the content.
const ASSET_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For an asset under another version's path, see [`asset`].
const OTHER_ASSET_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=0, s-maxage=10");

const SHELL: &str = include_str!("../assets/page.html");
const FORM: &str = include_str!("../assets/form.html");
const REGISTERED: &str = include_str!("../assets/registered.html");
const CLOSED: &str = include_str!("../assets/closed.html");
const DRAWN: &str = include_str!("../assets/drawn.html");
const LOST: &str = include_str!("../assets/lost.html");
/// Where a visitor's ticket comes in the page that is made once. In no text of an event, since no property can hold it.
const TICKET: &str = "\0";

/// What a visitor is to see.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    Home,
    /// Registration is closed, and no draw was made yet.
    Closed,
    /// The winning tickets.
    Drawn,
    Registered,
    Invalid(AddressError),
    /// The request did not arrive as it should, which says nothing of the address.
    Unreadable,
    Busy,
    Lost,
}

/// One version of one asset.
struct Asset {
    name: &'static str,
    extension: &'static str,
    content_type: &'static str,
    content: &'static [u8],
    hash: String,
}

/// Everything that can be shown, ready to be sent.
pub struct Site {
    assets: [Asset; 3],
    /// In the order of [`Language::all`].
    pages: Vec<Pages>,
    is_drawn: bool,
}

/// The page of one language in each of its states.
struct Pages {
    home: Tagged,
    closed: Tagged,
    drawn: Tagged,
    /// Around the ticket.
    registered: [Bytes; 2],
    empty: Bytes,
    too_long: Bytes,
    malformed: Bytes,
    unreadable: Bytes,
    busy: Bytes,
    lost: Bytes,
}

/// A page that a GET answers, with its version.
struct Tagged {
    page: Bytes,
    tag: HeaderValue,
}

impl Tagged {
    fn new(page: Bytes) -> Self {
        let tag = entity_tag(&page);
        Self { page, tag }
    }
}

impl Site {
    pub fn new(config: &Config) -> Self {
        let assets = [
            Asset::new(
                "style",
                "css",
                "text/css; charset=utf-8",
                include_bytes!("../assets/style.css"),
            ),
            Asset::new(
                "script",
                "js",
                "text/javascript; charset=utf-8",
                include_bytes!("../assets/script.js"),
            ),
            Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
        ];
        let pages = Language::all()
            .zip(&config.events)
            .map(|(language, event)| Pages::new(language, event, config, &assets))
            .collect();
        Self {
            assets,
            pages,
            is_drawn: !config.draw.winners.is_empty(),
        }
    }

    /// What is shown where nobody can register any more.
    pub fn without_form(&self) -> Shown {
        match self.is_drawn {
            true => Shown::Drawn,
            false => Shown::Closed,
        }
    }

    /// The page for who is in, with the ticket. Whether it was there before, it does not tell.
    pub fn registered(&self, language: Language, ticket: Option<&str>) -> Html<Bytes> {
        let [before, after] = &self.pages[language.index()].registered;
        let ticket = ticket.unwrap_or("—");
        Html([&before[..], ticket.as_bytes(), &after[..]].concat().into())
    }

    fn tagged(&self, language: Language, shown: Shown) -> &Tagged {
        let pages = &self.pages[language.index()];
        match shown {
            Shown::Closed => &pages.closed,
            Shown::Drawn => &pages.drawn,
            _ => &pages.home,
        }
    }

    /// The page in one language and state, as a body with its content type.
    pub fn html(&self, language: Language, shown: Shown) -> Html<Bytes> {
        let pages = &self.pages[language.index()];
        let body = match shown {
            Shown::Home | Shown::Closed | Shown::Drawn => &self.tagged(language, shown).page,
            // Without its ticket it is nobody's.
            Shown::Registered => return self.registered(language, None),
            Shown::Invalid(AddressError::Empty) => &pages.empty,
            Shown::Invalid(AddressError::TooLong) => &pages.too_long,
            Shown::Invalid(AddressError::Malformed) => &pages.malformed,
            Shown::Unreadable => &pages.unreadable,
            Shown::Busy => &pages.busy,
            Shown::Lost => &pages.lost,
        };
        Html(body.clone())
    }
}

impl Pages {
    fn new(language: Language, event: &Event, config: &Config, assets: &[Asset; 3]) -> Self {
        let page = |shown| Bytes::from(render(language, event, config, assets, shown));
        let tagged = |shown| Tagged::new(page(shown));
        let registered = render(language, event, config, assets, Shown::Registered);
        let (before, after) = registered.split_once(TICKET).unwrap_or((registered.as_str(), ""));
        Self {
            home: tagged(Shown::Home),
            closed: tagged(Shown::Closed),
            drawn: tagged(Shown::Drawn),
            registered: [before, after].map(|part| Bytes::copy_from_slice(part.as_bytes())),
            empty: page(Shown::Invalid(AddressError::Empty)),
            too_long: page(Shown::Invalid(AddressError::TooLong)),
            malformed: page(Shown::Invalid(AddressError::Malformed)),
            unreadable: page(Shown::Unreadable),
            busy: page(Shown::Busy),
            lost: page(Shown::Lost),
        }
    }
}

impl Asset {
    fn new(name: &'static str, extension: &'static str, content_type: &'static str, content: &'static [u8]) -> Self {
        Self {
            name,
            extension,
            content_type,
            content,
            hash: hash(content),
        }
    }

    fn path(&self) -> String {
        format!("/assets/{}.{}.{}", self.name, self.hash, self.extension)
    }
}

/// `GET /`: in English, from where the script goes on to the visitor's language.
pub async fn home(State(app): State<App>, headers: HeaderMap) -> Response {
    form(&app, Language::ENGLISH, &headers)
}

/// `GET /de` and its like, for those who chose, and for those without a script.
pub async fn home_in_language(State(app): State<App>, Path(tag): Path<String>, headers: HeaderMap) -> Response {
    match Language::of(&tag) {
        Some(language) => form(&app, language, &headers),
        None => not_found(State(app)).await,
    }
}

/// The form; or, once registration is closed, what is there in its place.
fn form(app: &App, language: Language, headers: &HeaderMap) -> Response {
    let shown = match app.schedule.is_closed(Timestamp::now()) {
        true => app.site.without_form(),
        false => Shown::Home,
    };
    let tag = &app.site.tagged(language, shown).tag;
    let caching = [(header::CACHE_CONTROL, PAGE_CACHING), (header::ETAG, tag.clone())];
    if is_known(headers, tag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, app.site.html(language, shown)).into_response()
}

/// `GET /assets/<name>.<hash>.<extension>`.
///
/// While a rolling update runs, a page of one version may load its assets from an instance with another version. A
/// page with the other version's style is better than one without, so the hash decides only how long it is kept.
pub async fn asset(State(app): State<App>, Path(file): Path<String>) -> Response {
    let parts: Vec<&str> = file.split('.').collect();
    let &[name, hash, extension] = parts.as_slice() else {
        return not_found(State(app)).await;
    };
    let Some(asset) = app
        .site
        .assets
        .iter()
        .find(|asset| asset.name == name && asset.extension == extension)
    else {
        return not_found(State(app)).await;
    };
    let caching = if asset.hash == hash {
        ASSET_CACHING
    } else {
        OTHER_ASSET_CACHING
    };
    let content_type = HeaderValue::from_static(asset.content_type);
    (
        [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, caching)],
        asset.content,
    )
        .into_response()
}

/// Any other path.
pub async fn not_found(State(app): State<App>) -> Response {
    (StatusCode::NOT_FOUND, app.site.html(Language::ENGLISH, Shown::Lost)).into_response()
}

/// `/register` by any method but POST, as when somebody reloads the address of a result: a page with the way back.
pub async fn register_needs_post(State(app): State<App>) -> Response {
    let allow = [(header::ALLOW, HeaderValue::from_static("POST"))];
    (
        StatusCode::METHOD_NOT_ALLOWED,
        allow,
        app.site.html(Language::ENGLISH, Shown::Lost),
    )
        .into_response()
}

/// Whether the client has this version. Weak comparison: a proxy that compresses makes tags weak.
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .map(|one| one.trim().trim_start_matches("W/"))
                .any(|one| one == "*" || one.as_bytes() == tag)
        })
}

fn entity_tag(content: &[u8]) -> HeaderValue {
    // Hexadecimal digits between quotes are always a header value.
    HeaderValue::from_str(&format!("\"{}\"", hash(content))).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Sixteen hexadecimal digits of SHA-256: enough to tell versions apart.
fn hash(content: &[u8]) -> String {
    hex::encode(&Sha256::digest(content)[..8])
}

fn render(language: Language, event: &Event, config: &Config, assets: &[Asset; 3], shown: Shown) -> String {
    let [style, script, icon] = assets;
    let texts = language.texts();
    let (heading, main, message) = match shown {
        Shown::Home => (None, FORM, ""),
        Shown::Closed => (Some(texts.closed_title), CLOSED, ""),
        Shown::Drawn => (Some(texts.drawn_title), DRAWN, ""),
        Shown::Registered => (Some(texts.registered_title), REGISTERED, ""),
        Shown::Invalid(error) => (Some(texts.error_title), FORM, text_of(texts, error)),
        Shown::Unreadable => (Some(texts.error_title), FORM, texts.unreadable),
        Shown::Busy => (Some(texts.busy_title), FORM, texts.busy),
        Shown::Lost => (Some(texts.lost_title), LOST, ""),
    };
    let field_state = match shown {
        Shown::Invalid(_) => "aria-invalid=\"true\" autofocus",
        _ => "",
    };
    let part = |name: &str| match name {
        "max_length" => Some(MAX_LENGTH.to_string()),
        "message" => Some(escape(message)),
        "field_state" => Some(field_state.to_owned()),
        "closing" => Some(config.closes_at.map_or(String::new(), |time| closing(texts, time))),
        "winners" => Some(
            config
                .draw
                .winners
                .iter()
                .map(|ticket| format!("<li><code>{}</code></li>\n", escape(ticket)))
                .collect(),
        ),
        "record" => Some(
            config
                .draw
                .record
                .as_deref()
                .map_or(String::new(), |record| published(texts, record)),
        ),
        "ticket" => Some(TICKET.to_owned()),
        // For the script, which shows it in place of the form and puts the ticket in.
        "registered" => Some(fill(REGISTERED, &|name| match name {
            "ticket" => Some(String::new()),
            _ => text(language, name),
        })),
        _ => text(language, name),
    };
    fill(SHELL, &|name| match name {
        "main" => Some(fill(main, &part)),
        "heading" => Some(heading.map_or(String::new(), |heading| escape(heading) + " – ")),
        "title" => Some(escape(&event.title)),
        "text" => Some(escape(&event.text)),
        "prizes" => Some(escape(&event.prizes)),
        "style" => Some(style.path()),
        "script" => Some(script.path()),
        "icon" => Some(icon.path()),
        "links" => Some(links(language)),
        _ => text(language, name),
    })
}

/// A text of the language by the name that templates use.
fn text(language: Language, name: &str) -> Option<String> {
    let texts = language.texts();
    let text = match name {
        "tag" => language.tag(),
        "path" => return Some(path(language)),
        "direction" => texts.direction,
        "label" => texts.label,
        "button" => texts.button,
        "sending" => texts.sending,
        "retrying" => texts.retrying,
        "offline" => texts.offline,
        "empty" => texts.empty,
        "too_long" => texts.too_long,
        "malformed" => texts.malformed,
        "busy" => texts.busy,
        "unanswered" => texts.unanswered,
        "unreadable" => texts.unreadable,
        "registered_title" => texts.registered_title,
        "registered_text" => texts.registered_text,
        "another" => texts.another,
        "ticket_text" => texts.ticket,
        "closed_title" => texts.closed_title,
        "closed_text" => texts.closed_text,
        "drawn_title" => texts.drawn_title,
        "drawn_text" => texts.drawn_text,
        "lost_title" => texts.lost_title,
        "lost_text" => texts.lost_text,
        "to_form" => texts.to_form,
        "privacy" => texts.privacy,
        "languages" => texts.languages,
        _ => return None,
    };
    Some(escape(text))
}

fn text_of(texts: &Texts, error: AddressError) -> &'static str {
    match error {
        AddressError::Empty => texts.empty,
        AddressError::TooLong => texts.too_long,
        AddressError::Malformed => texts.malformed,
    }
}

/// When registration closes; the script shows it in the visitor's own time.
fn closing(texts: &Texts, time: Timestamp) -> String {
    let shown = time.strftime("%Y-%m-%d %H:%M UTC");
    format!(
        "<p class=\"closing\">{} <time datetime=\"{time}\" dir=\"ltr\">{shown}</time></p>\n",
        escape(texts.closes)
    )
}

fn published(texts: &Texts, record: &str) -> String {
    format!("<p><a href=\"{}\">{}</a></p>\n", escape(record), escape(texts.record))
}

/// English has a path of its own too: `/` would send those who chose it back to what their browser prefers.
fn path(language: Language) -> String {
    format!("/{}", language.tag())
}

fn links(current: Language) -> String {
    let mut links = String::new();
    for language in Language::all() {
        let (tag, name, path) = (language.tag(), language.texts().name, path(language));
        let state = if language == current {
            " aria-current=\"true\""
        } else {
            ""
        };
        let _ = writeln!(
            links,
            "<li><a href=\"{path}\" hreflang=\"{tag}\" lang=\"{tag}\"{state}>{name}</a></li>"
        );
    }
    links
}

/// Replaces each `{{name}}` in one pass: what is put in is not looked at again, so that a text of the event cannot
/// name a part. A name without a value stays as it is.
fn fill(template: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        match after
            .split_once("}}")
            .and_then(|(name, left)| Some((value(name)?, left)))
        {
            Some((text, left)) => {
                filled.push_str(&text);
                rest = left;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Text as HTML, fit for element content and for quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(title: &str) -> Site {
        let event = Event {
            title: title.to_owned(),
            text: "Come in".to_owned(),
            prizes: "Ten".to_owned(),
        };
        let mut config = Config::from_lookup(|_| None).unwrap();
        config.events = vec![event; Language::all().count()];
        config.closes_at = "2026-12-10T18:30:00Z".parse().ok();
        config.draw.winners = vec!["00112233445566778899aabbccddeeff".to_owned()];
        config.draw.record = Some("https://example.com/draw.json?a&b".to_owned());
        Site::new(&config)
    }

    fn page(site: &Site, language: Language, shown: Shown) -> String {
        let Html(page) = site.html(language, shown);
        String::from_utf8_lossy(&page).into_owned()
    }

    const STATES: [Shown; 10] = [
        Shown::Home,
        Shown::Closed,
        Shown::Drawn,
        Shown::Registered,
        Shown::Invalid(AddressError::Empty),
        Shown::Invalid(AddressError::TooLong),
        Shown::Invalid(AddressError::Malformed),
        Shown::Unreadable,
        Shown::Busy,
        Shown::Lost,
    ];

    #[test]
    fn texts_of_the_event_are_text_and_nothing_else() {
        let site = site("<script>alert('a & b')</script> {{prizes}}");
        let home = page(&site, Language::ENGLISH, Shown::Home);
        assert!(home.contains("&#60;script&#62;alert(&#39;a &#38; b&#39;)&#60;/script&#62; {{prizes}}"));
        assert!(!home.contains("<script>alert"));
    }

    #[test]
    fn no_part_of_a_template_is_left_unfilled() {
        let site = site("Conference");
        for language in Language::all() {
            for shown in STATES {
                let page = page(&site, language, shown);
                assert!(
                    !page.contains("{{") && !page.contains(TICKET),
                    "{language:?} {shown:?}: {page}"
                );
            }
        }
    }

    #[test]
    fn what_is_to_come_and_what_came_out_is_on_the_page() {
        let site = site("Conference");
        for language in Language::all() {
            let texts = language.texts();
            let home = page(&site, language, Shown::Home);
            assert!(home.contains("<time datetime=\"2026-12-10T18:30:00Z\" dir=\"ltr\">2026-12-10 18:30 UTC</time>"));
            let closed = page(&site, language, Shown::Closed);
            assert!(closed.contains(&escape(texts.closed_text)) && !closed.contains("<form"));
            let drawn = page(&site, language, Shown::Drawn);
            assert!(drawn.contains("<code>00112233445566778899aabbccddeeff</code>") && !drawn.contains("<form"));
            assert!(
                drawn.contains("href=\"https://example.com/draw.json?a&#38;b\""),
                "{drawn}"
            );
            let Html(registered) = site.registered(language, Some("ffeeddccbbaa99887766554433221100"));
            let registered = String::from_utf8_lossy(&registered);
            assert!(registered.contains("<code id=\"ticket\" dir=\"ltr\">ffeeddccbbaa99887766554433221100</code>"));
        }
    }

    #[test]
    fn every_language_says_everything_in_its_own_words() {
        let site = site("Conference");
        for language in Language::all() {
            let home = page(&site, language, Shown::Home);
            let (tag, texts) = (language.tag(), language.texts());
            let opening = format!("<html lang=\"{tag}\" dir=\"{}\">", texts.direction);
            assert!(home.contains(&opening) && home.contains(&escape(texts.button)), "{tag}");
            assert_eq!(home.matches("hreflang=").count(), Language::all().count(), "{tag}");
            for other in Language::all().filter(|other| *other != language) {
                let other = other.texts();
                assert!(texts.malformed != other.malformed && texts.busy != other.busy, "{tag}");
                assert!(texts.registered_title != other.registered_title, "{tag}");
            }
        }
    }
}
