//! The compact index: lines of `/info` and `/versions` (spec/projections/gem.md §6), and the MD5 that one says of the
//! other. Nothing here trusts an MD5; Bundler compares it.

use crate::spec::{Constraint, Spec, wants_nothing};
use deedbox_model::{Defect, TimeMs};
use md5::digest::common::hazmat::{SerializableState, SerializedState};
use md5::{Digest as _, Md5};

/// Before the lines of `/info` and `/names`.
pub(crate) const HEAD: &str = "---\n";

/// One line of `/info`, with its end: version, runtime dependencies, what is known of the file.
pub(crate) fn info_line(spec: &Spec, sha256: &str, published: TimeMs) -> String {
    let joined = |wants: &[Constraint]| wants.iter().map(Constraint::text).collect::<Vec<_>>().join("&");
    let dependencies: Vec<String> = spec.runtime().map(|dependency| format!("{}:{}", dependency.name, joined(&dependency.wants))).collect();
    let mut line = format!("{} {}|checksum:{sha256}", number(spec), dependencies.join(","));
    for (name, wants) in [("ruby", &spec.ruby), ("rubygems", &spec.rubygems)] {
        if !wants_nothing(wants) {
            line.push_str(&format!(",{name}:{}", joined(wants)));
        }
    }
    line.push_str(&format!(",created_at:{}\n", published.to_rfc3339_seconds()));
    line
}

/// `V[-P]`.
pub(crate) fn number(spec: &Spec) -> String {
    match &spec.platform {
        None => spec.version.clone(),
        Some(platform) => format!("{}-{platform}", spec.version),
    }
}

/// One line of `/versions`, with its end: what came (or, with a hyphen each, went), and the MD5 of `/info` after it.
pub(crate) fn versions_line(name: &str, specs: &[Spec], gone: bool, info: &InfoSum) -> String {
    let sign = if gone { "-" } else { "" };
    let numbers: Vec<String> = specs.iter().map(|spec| format!("{sign}{}", number(spec))).collect();
    format!("{name} {} {}\n", numbers.join(","), info.hex())
}

/// Before the lines of `/versions`.
pub(crate) fn versions_head(created: TimeMs) -> String {
    format!("created_at: {}\n---\n", created.to_rfc3339_seconds())
}

/// MD5 in hex, as ETags of these have it.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The MD5 of an `/info` in the making: it goes on where it stopped.
#[derive(Clone)]
pub(crate) struct InfoSum(Md5);

impl InfoSum {
    /// Of an `/info` without a line.
    pub(crate) fn new() -> Self {
        InfoSum(Md5::new_with_prefix(HEAD))
    }

    pub(crate) fn add(&mut self, text: &str) {
        self.0.update(text);
    }

    /// The hex of the whole so far.
    pub(crate) fn hex(&self) -> String {
        hex(&self.0.clone().finalize())
    }

    /// The state between two lines, as a row keeps it.
    pub(crate) fn state(&self) -> Vec<u8> {
        self.0.serialize().as_slice().to_vec()
    }

    /// From a row.
    pub(crate) fn from_state(bytes: &[u8]) -> Result<Self, Defect> {
        let damaged = || Defect::Damaged { key: "md5".to_owned(), why: "no state of an MD5".to_owned() };
        let state = SerializedState::<Md5>::try_from(bytes).map_err(|_| damaged())?;
        Ok(InfoSum(Md5::deserialize(&state).map_err(|_| damaged())?))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows hold the state, so that another layout would be another version of the projection.
    #[test]
    fn the_state_has_the_layout_of_the_spec() {
        let mut sum = InfoSum::new();
        sum.add(&"x".repeat(63));
        let state = sum.state();
        assert_eq!(state.len(), 88);
        assert_eq!(state.get(16..24), Some(&1u64.to_le_bytes()[..]), "blocks of 64 bytes");
        assert_eq!(state.get(24..28), Some(&[3, b'x', b'x', b'x'][..]), "bytes that wait, with their number");
        assert!(state.iter().skip(28).all(|b| *b == 0));
        assert!(InfoSum::from_state(&[0; 3]).is_err());
    }

    proptest! {
        #[test]
        fn a_sum_that_stops_and_goes_on_is_that_of_the_whole(pieces in proptest::collection::vec("[a-z\n]{0,90}", 0..8)) {
            let mut sum = InfoSum::new();
            for piece in &pieces {
                sum = InfoSum::from_state(&sum.state()).unwrap();
                sum.add(piece);
            }
            prop_assert_eq!(sum.hex(), md5_hex(format!("---\n{}", pieces.concat()).as_bytes()));
        }
    }
}
