//! The page as people meet it: in a real browser, with and without scripts, in each language, on a phone and on a desk.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::browser::Browser;
use crate::site::Site;
use crate::table::Mood;

const LANGUAGES: [&str; 7] = ["en", "de", "es", "fr", "pt", "ja", "ar"];

/// Words of each visible text whose contrast with what is behind it is below WCAG's 4.5 to 1.
const LOW_CONTRAST: &str = r#"(() => {
  const parse = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((e) =>
    [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && e.offsetParent !== null);
  return texts.filter((e) => {
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
  }).map((e) => e.textContent.trim());
})()"#;

/// What sticks out of the window, and what one cannot hit with a thumb.
const MISFITS: &str = r#"[
  ...[...document.querySelectorAll("body *")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.width && (box.left < -0.5 || box.right > innerWidth + 0.5);
  }),
  ...[...document.querySelectorAll("a, button, input:not([type=hidden])")].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.height && box.height < 24;
  }),
].map((e) => e.outerHTML.slice(0, 80))"#;

impl Site {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Types into the field of the form and sends it.
async fn register(browser: &mut Browser, typed: &str) {
    browser.value("document.getElementById('email').focus()").await;
    browser.type_and_enter(typed).await;
}

/// Keeps a picture for the documents where UPDATE_SCREENSHOTS asks for it.
async fn keep(browser: &mut Browser, name: &str) {
    if std::env::var_os("UPDATE_SCREENSHOTS").is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = browser.screenshot().await;
    let mut decoder = std::process::Command::new("base64")
        .arg("-d")
        .stdin(std::process::Stdio::piped())
        .stdout(std::fs::File::create(folder.join(name)).unwrap())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut decoder.stdin.take().unwrap(), picture.as_bytes()).unwrap();
    assert!(decoder.wait().unwrap().success());
}

#[tokio::test]
async fn somebody_without_scripts_registers_and_is_told_of_mistakes_at_the_field() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.without_scripts().await;
    browser.prefer("de-DE,de").await;
    browser.open(&site.url("/")).await;
    assert_eq!(
        browser.value("document.documentElement.lang").await,
        "en",
        "no script, no choice"
    );
    // The plain link.
    browser
        .value("document.querySelector('nav a[hreflang=de]').click()")
        .await;
    browser
        .until("location.pathname === '/de' && document.readyState === 'complete'")
        .await;

    // A browser's own check lets this pass, ours does not.
    register(&mut browser, "ada@localhost").await;
    browser
        .until("location.pathname === '/register' && document.readyState === 'complete'")
        .await;
    // The browser gives it the focus a moment after the page is complete.
    browser.until("document.activeElement.id === 'email'").await;
    assert_eq!(
        browser
            .value("document.getElementById('email').getAttribute('aria-invalid')")
            .await,
        "true"
    );
    let tied = "document.getElementById(document.getElementById('email').getAttribute('aria-describedby')).innerText";
    let told = browser.value(tied).await;
    assert!(
        told.as_str()
            .unwrap()
            .starts_with("Das sieht nicht nach einer E-Mail-Adresse aus"),
        "{told}"
    );

    site.table.set(Mood::Broken);
    browser.type_and_enter("ada@example.com").await;
    browser
        .until("document.title.startsWith('Bitte noch einmal versuchen') && document.readyState === 'complete'")
        .await;
    let told = browser.value(tied).await;
    assert!(told.as_str().unwrap().contains("noch nicht bestätigt"), "{told}");
    let invalid = "document.getElementById('email').hasAttribute('aria-invalid')";
    assert_eq!(browser.value(invalid).await, false, "the address is not to blame");

    site.table.set(Mood::Well);
    register(&mut browser, "ada@example.com").await;
    browser
        .until("document.title.startsWith('Sie nehmen an der Verlosung teil')")
        .await;
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn with_scripts_the_page_stays_and_says_what_happens() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.resize(390, 844).await;
    browser.open(&site.url("/en")).await;
    keep(&mut browser, "page-phone.png").await;
    register(&mut browser, "ada").await;
    browser
        .until("document.getElementById('error').innerText.startsWith('This does not look like')")
        .await;
    assert_eq!(browser.value("document.activeElement.id").await, "email");
    keep(&mut browser, "page-mistake.png").await;

    browser.value("document.getElementById('email').value = ''").await;
    browser.type_and_enter(" ").await;
    browser
        .until("document.getElementById('error').innerText === 'Please enter your e-mail address.'")
        .await;

    browser.value("document.getElementById('email').value = ''").await;
    browser.type_and_enter("ada@example.com").await;
    browser.until("document.activeElement.className === 'done'").await;
    let told = browser.value("document.getElementById('card').innerText").await;
    assert!(told.as_str().unwrap().contains("You are in the draw"), "{told}");
    assert_eq!(
        browser.value("location.pathname").await,
        "/en",
        "the page has not changed"
    );
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
    keep(&mut browser, "page-registered.png").await;
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn too_busy_is_said_and_tried_again_without_anybody_pressing() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    site.table.set(Mood::Broken);
    browser.resize(390, 844).await;
    browser.open(&site.url("/pt")).await;
    register(&mut browser, "ada@example.com").await;
    browser
        .until("document.getElementById('progress').innerText.startsWith('Muita gente ao mesmo tempo')")
        .await;
    assert_eq!(
        browser
            .value("document.querySelector('button').getAttribute('aria-disabled')")
            .await,
        "true"
    );
    keep(&mut browser, "page-busy.png").await;
    site.table.set(Mood::Well);
    browser
        .until("document.getElementById('card').innerText.includes('Você está no sorteio')")
        .await;
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

/// A firewall in front blocks for a while, and answers in its own HTML: that is not about the address.
#[tokio::test]
async fn whoever_is_blocked_is_not_told_that_the_address_is_wrong() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.open(&site.url("/pt")).await;
    let blocking = "(() => { const real = window.fetch; window.fetch = async () => { window.fetch = real; \
                    return new Response('<h1>403 ERROR</h1>', { status: 403 }); }; })()";
    browser.value(blocking).await;
    register(&mut browser, "ada@example.com").await;
    browser
        .until("document.getElementById('progress').innerText.startsWith('Muita gente ao mesmo tempo')")
        .await;
    assert_eq!(browser.value("document.getElementById('error').innerText").await, "");
    browser
        .until("document.getElementById('card').innerText.includes('Você está no sorteio')")
        .await;
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

/// A phone in a full hall: the request may have arrived, only its answer was lost.
#[tokio::test]
async fn whoever_gets_no_answer_is_not_told_that_the_address_is_not_in() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.open(&site.url("/en")).await;
    let losing = "(() => { window.tries = 0; const real = window.fetch; window.fetch = async (...request) => { \
                  window.tries += 1; await real(...request); throw new TypeError('Failed to fetch'); }; \
                  const wait = window.setTimeout; window.setTimeout = (then, time) => wait(then, time / 100); \
                  const progress = document.getElementById('progress'); window.said = []; \
                  new MutationObserver(() => window.said.push(progress.innerText)) \
                  .observe(progress, { childList: true, characterData: true, subtree: true }); })()";
    browser.value(losing).await;
    register(&mut browser, "ada@example.com").await;
    browser
        .until("window.said.some((text) => text.startsWith('No answer yet.'))")
        .await;
    browser
        .until("document.getElementById('error').innerText.startsWith('No answer came. Your address is not confirmed')")
        .await;
    assert_eq!(browser.value("window.tries").await, 8);
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

#[tokio::test]
async fn a_browser_of_some_years_ago_says_that_one_is_in_and_sends_once() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.open(&site.url("/en")).await;
    // Chromium before 86 and Safari before 14 do not have it.
    browser.value("delete Element.prototype.replaceChildren").await;
    register(&mut browser, "ada@example.com").await;
    browser.until("document.activeElement.className === 'done'").await;
    assert_eq!(site.table.puts().len(), 1);
}

/// A hotspot's sign-in page comes with 200.
#[tokio::test]
async fn only_the_sites_own_word_counts_as_being_in() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.open(&site.url("/en")).await;
    let caught = "(() => { const real = window.fetch; window.fetch = async () => { window.fetch = real; \
                  return new Response('<h1>Sign in to the hall</h1>'); }; })()";
    browser.value(caught).await;
    register(&mut browser, "ada@example.com").await;
    browser
        .until("document.getElementById('progress').innerText.startsWith('Too many people')")
        .await;
    browser.until("document.activeElement.className === 'done'").await;
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

#[tokio::test]
async fn the_focus_is_seen_and_who_wants_no_motion_gets_none() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    browser.open(&site.url("/en")).await;
    let outline = "getComputedStyle(document.activeElement).outline";
    browser.value("document.getElementById('email').focus()").await;
    let outline = browser.value(outline).await;
    assert!(outline.as_str().unwrap().contains("solid 3px"), "{outline}");
    let motion = "getComputedStyle(document.querySelector('button')).transitionProperty";
    assert_eq!(browser.value(motion).await, "filter");
    browser.media("prefers-reduced-motion", "reduce").await;
    assert_eq!(browser.value(motion).await, "none");
}

#[tokio::test]
async fn the_browser_chooses_the_language_and_people_can_choose_another() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    for (preferred, path, direction) in [
        ("de-AT,de,en", "/de", "ltr"),
        ("xx,pt-BR,en", "/pt", "ltr"),
        ("ar-EG", "/ar", "rtl"),
        ("en-GB,de", "/", "ltr"),
        ("xx", "/", "ltr"),
    ] {
        browser.prefer(preferred).await;
        browser.open(&site.url("/")).await;
        let there = format!("location.pathname === '{path}' && document.readyState === 'complete'");
        browser.until(&there).await;
        assert_eq!(
            browser.value("getComputedStyle(document.body).direction").await,
            direction,
            "{preferred}"
        );
    }
    // Whoever chose stays there, whatever the browser prefers.
    browser.prefer("de").await;
    browser.open(&site.url("/en")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(browser.value("location.pathname").await, "/en");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn every_language_and_state_fits_and_can_be_read() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start_with(&[("EVENT_TITLE", "Internationale Cloudzertifizierungskonferenz")]).await;
    for language in LANGUAGES {
        for (width, height) in [(320, 568), (1280, 800)] {
            browser.resize(width, height).await;
            for scheme in ["light", "dark"] {
                browser.media("prefers-color-scheme", scheme).await;
                browser.open(&site.url(&format!("/{language}"))).await;
                for state in ["form", "mistake", "registered"] {
                    match state {
                        "mistake" => {
                            let reveal =
                                "error.innerText = form.dataset.malformed; progress.innerText = form.dataset.retrying";
                            browser.value(reveal).await;
                        }
                        "registered" => {
                            browser
                                .value("card.replaceChildren(registered.content.cloneNode(true))")
                                .await;
                        }
                        _ => {}
                    }
                    let place = format!("{language} {state} {width} {scheme}");
                    assert_eq!(browser.value(MISFITS).await, json!([]), "{place}");
                    assert_eq!(browser.value(LOW_CONTRAST).await, json!([]), "{place}");
                }
            }
        }
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn pictures_for_the_documents_show_the_page_at_its_widest_and_narrowest() {
    let Some(mut browser) = Browser::start().await else {
        return;
    };
    let site = Site::start().await;
    for (path, width, height, scheme, name) in [
        ("/en", 1280, 800, "light", "page-desktop.png"),
        ("/ar", 390, 844, "light", "page-arabic.png"),
        ("/ja", 390, 844, "dark", "page-japanese-dark.png"),
        ("/de", 320, 568, "light", "page-320.png"),
    ] {
        browser.resize(width, height).await;
        browser.media("prefers-color-scheme", scheme).await;
        browser.open(&site.url(path)).await;
        assert!(
            browser
                .value("getComputedStyle(document.querySelector('button')).minHeight")
                .await
                != "auto",
            "no style"
        );
        keep(&mut browser, name).await;
    }
}
