//! Identifiers in AWS's shapes.

use rand::RngExt;

fn pick(alphabet: &[u8], length: usize) -> String {
    let mut random = rand::rng();
    (0..length)
        .map(|_| alphabet[random.random_range(0..alphabet.len())] as char)
        .collect()
}

/// `prefix` and 17 hexadecimal digits, as EC2 does it: `vpc-0a1b…`.
pub(crate) fn ec2(prefix: &str) -> String {
    format!("{prefix}-0{}", pick(b"0123456789abcdef", 16))
}

/// Capital letters and digits, as CloudFormation, IAM and CloudFront do it.
pub fn capitals(length: usize) -> String {
    pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length)
}

/// Small letters and digits, as Beanstalk and CloudFront domains do it.
pub fn smalls(length: usize) -> String {
    pick(b"abcdefghijklmnopqrstuvwxyz0123456789", length)
}

pub(crate) fn digits(length: usize) -> String {
    pick(b"123456789", length)
}

/// Characters of secret keys and tokens.
pub fn secret(length: usize) -> String {
    pick(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        length,
    )
}

/// A version 4 UUID.
pub fn uuid() -> String {
    let h = pick(b"0123456789abcdef", 32);
    let variant = ['8', '9', 'a', 'b'][rand::rng().random_range(0..4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &h[..8],
        &h[8..12],
        &h[13..16],
        &h[17..20],
        &h[20..32]
    )
}
