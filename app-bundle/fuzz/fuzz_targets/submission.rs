//! Whatever bytes come as a body: the parsers never panic, and what they accept is an address that means the same when it is
//! read again.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/address.rs"]
mod address;
#[allow(dead_code)]
#[path = "../../src/submission.rs"]
mod submission;

use address::{Address, MAX_LENGTH};
use submission::{Format, Submission};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(content_type) = std::str::from_utf8(body) {
        let _ = Format::of(content_type);
    }
    for format in [Format::Form, Format::Json] {
        let Ok(submission) = Submission::read(format, body) else {
            continue;
        };
        let Ok(address) = Address::parse(&submission.email) else {
            continue;
        };
        let text = address.as_str();
        assert!(text.len() <= MAX_LENGTH);
        assert_eq!(text.matches('@').count(), 1);
        assert!(
            !text
                .chars()
                .any(|character| character.is_whitespace() || character.is_control())
        );
        assert!(Address::parse(text).is_ok_and(|again| again.as_str() == text));
    }
});
