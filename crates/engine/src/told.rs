//! Enums whose variants say what they are: what documents a variant is what users are told of it, and is written once.
//! Knows no such enum.

/// Defines an enum with `ALL` and `about`, the variant's documentation as a line.
#[macro_export]
macro_rules! told {
    (
        $(#[$enum_meta:meta])*
        pub enum $name:ident {
            $( $(#[doc = $about:literal])+ $variant:ident $(= $value:literal)?, )+
        }
    ) => {
        $(#[$enum_meta])*
        pub enum $name { $( $(#[doc = $about])+ $variant $(= $value)?, )+ }

        impl $name {
            /// Every variant, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// What it means.
            pub fn about(self) -> &'static str {
                match self { $( Self::$variant => concat!($($about),+).trim_ascii(), )+ }
            }
        }
    };
}
