//! The names of states, modes and kinds, as text: one spelling for `Display`, `FromStr` and JSON.
//!
//! A name is that of the variant in snake_case, as the codes of errors are. Rejected: the names of
//! the REST contract, which are numbers for some of these and English words for others.

/// Gives an enum without data its names: `ALL`, `as_str`, `Display`, `AsRef<str>` and `FromStr`,
/// which reads what `Display` writes.
macro_rules! names {
    ($type:ident, $what:literal, [$($variant:ident = $name:literal),+ $(,)?]) => {
        impl $type {
            /// Every value, in the order of the declaration.
            pub const ALL: [$type; [$($name),+].len()] = [$($type::$variant),+];

            /// Its name in snake_case, as `Display` writes it and `FromStr` reads it.
            pub fn as_str(&self) -> &'static str {
                match self {
                    $($type::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::error::Error;

            /// Reads what `Display` writes.
            ///
            /// # Errors
            /// [`Error::Invalid`](crate::Error::Invalid) for any other text; it lists the names.
            fn from_str(text: &str) -> crate::error::Result<$type> {
                let found = $type::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or_else(|| {
                    let names = [$($name),+].join("`, `");
                    crate::error::Error::Invalid(format!(
                        concat!("`{}` is no ", $what, "; the names are `{}`"),
                        text, names
                    ))
                })
            }
        }
    };
}

pub(super) use names;
