//! The keys of the cast by their numbers, each made once: a key is worth some arithmetic, and a history names thousands.

use deedbox_model::{KeyId, SecretKey};
use std::sync::LazyLock;

static KEYS: LazyLock<Vec<(SecretKey, KeyId)>> = LazyLock::new(|| {
    let one = |n| {
        let key = deedbox_testkit::secret(n);
        let id = key.public().id();
        (key, id)
    };
    (0..=116).map(one).collect()
});

/// The key of this number.
pub(crate) fn secret(n: u8) -> &'static SecretKey {
    &KEYS[usize::from(n)].0
}

/// Its id.
pub(crate) fn id(n: u8) -> KeyId {
    KEYS[usize::from(n)].1
}
