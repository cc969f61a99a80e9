//! The form in which a key of a profile is declared: once, with its text, type, default, what it takes and what a change does.
//! Knows no key.

/// Makes, of one declaration a key, the structs of a profile with their defaults, and the list `KEYS`.
///
/// A row reads `/// text`, then `field: Type = default, takes …, changes …;`. What has no default is an `Option` and says in
/// `unset "…"` what counts then. `field as "name"` is for a name that Rust keeps for itself, `field.*` for a map whose keys
/// are the user's own. `with …` says beside what a key counts.
macro_rules! keys {
    (
        $(#[doc = $profile_doc:literal])+
        $profile:ident {
            $(
                $(#[doc = $first_about:literal])+
                $first:ident : $first_type:ty $(= $first_default:expr)? $(, unset $first_unset:literal)?,
                takes $first_takes:expr, changes $first_changes:expr;
            )+
        }
        $(
            $(#[doc = $section_doc:literal])+
            [$section:ident] $struct:ident {
                $(
                    $(#[doc = $about:literal])+
                    $field:ident $(as $name:literal)? $(. $any:tt)? : $type:ty $(= $default:expr)? $(, unset $unset:literal)?,
                    takes $takes:expr, $(with $with:expr,)? changes $changes:expr;
                )+
            }
        )+
        [] {
            $(#[doc = $last_about:literal])+
            $last:ident . $last_any:tt : $last_type:ty,
            takes $last_takes:expr, changes $last_changes:expr;
        }
    ) => {
        $(#[doc = $profile_doc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $profile {
            $(
                $(#[doc = $first_about])+
                $(#[doc = concat!("Where it is not set: ", $first_unset)] #[serde(skip_serializing_if = "Option::is_none")])?
                pub $first: $first_type,
            )+
            $( $(#[doc = $section_doc])+ pub $section: $struct, )+
            $(#[doc = $last_about])+
            pub $last: $last_type,
        }

        impl Default for $profile {
            fn default() -> Self {
                Self {
                    $( $first: default!($($first_default)?), )+
                    $( $section: $struct::default(), )+
                    $last: Default::default(),
                }
            }
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $struct {
                $(
                    $(#[doc = $about])+
                    $(#[doc = concat!("Where it is not set: ", $unset)] #[serde(skip_serializing_if = "Option::is_none")])?
                    $(#[serde(rename = $name)])?
                    pub $field: $type,
                )+
            }

            impl Default for $struct {
                fn default() -> Self {
                    Self { $( $field: default!($($default)?), )+ }
                }
            }
        )+

        /// Every section and what it is about, in the order of a profile.
        pub(super) const SECTIONS: &[(&str, &str)] =
            &[$( (stringify!($section), concat!($($section_doc),+).trim_ascii()), )+];

        /// Every key, in the order of a profile.
        pub const KEYS: &[Key] = &[
            $( Key {
                path: stringify!($first),
                about: concat!($($first_about),+).trim_ascii(),
                takes: $first_takes,
                unset: optional!($($first_unset)?),
                with: None,
                changes: $first_changes,
            }, )+
            $( $( Key {
                path: concat!(stringify!($section), ".", name!($field $($name)?) $(, ".", stringify!($any))?),
                about: concat!($($about),+).trim_ascii(),
                takes: $takes,
                unset: optional!($($unset)?),
                with: optional!($($with)?),
                changes: $changes,
            }, )+ )+
            Key {
                path: concat!(stringify!($last), ".", stringify!($last_any)),
                about: concat!($($last_about),+).trim_ascii(),
                takes: $last_takes,
                unset: None,
                with: None,
                changes: $last_changes,
            },
        ];
    };
}

macro_rules! default {
    () => {
        Default::default()
    };
    ($default:expr) => {
        $default
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($given:expr) => {
        Some($given)
    };
}

macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

pub(super) use {default, keys, name, optional};
