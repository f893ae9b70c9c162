//! Words with the numbers of constants in them, put together when the program is built: a message never names another limit than the one
//! that is kept. Nothing is computed while the program runs.

/// A text with the numbers of constants in it: `said!("it is longer than {} bytes", VERSION_BYTES)`. `{}` is a number with a comma before
/// each three digits, `{_}` one without.
#[macro_export]
macro_rules! said {
    ($form:literal, $($number:expr),+ $(,)?) => {{
        #[allow(clippy::unnecessary_cast, reason = "limits are counted in several types")]
        const NUMBERS: &[u64] = &[$($number as u64),+];
        const LENGTH: usize = $crate::said::length($form, NUMBERS);
        const BYTES: [u8; LENGTH] = $crate::said::fill($form, NUMBERS);
        const TEXT: &str = match ::core::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => $form,
        };
        TEXT
    }};
}

/// Bytes of the filled form.
pub const fn length(form: &str, numbers: &[u64]) -> usize {
    walk::<0>(form, numbers).0
}

/// The filled form, which has this length.
pub const fn fill<const LENGTH: usize>(form: &str, numbers: &[u64]) -> [u8; LENGTH] {
    walk::<LENGTH>(form, numbers).1
}

/// Fills the form as far as there is room; gives how much there has to be. More numbers than places, or fewer, do not build.
#[allow(clippy::indexing_slicing, reason = "evaluated when the program is built: what is out of bounds does not build")]
const fn walk<const ROOM: usize>(form: &str, numbers: &[u64]) -> (usize, [u8; ROOM]) {
    let form = form.as_bytes();
    let (mut out, mut at, mut read, mut next) = ([0; ROOM], 0, 0, 0);
    while read < form.len() {
        let plain = read + 2 < form.len() && form[read] == b'{' && form[read + 1] == b'_' && form[read + 2] == b'}';
        let is_place = plain || read + 1 < form.len() && form[read] == b'{' && form[read + 1] == b'}';
        if !is_place {
            if at < ROOM {
                out[at] = form[read];
            }
            (at, read) = (at + 1, read + 1);
            continue;
        }
        let mut scale = 1;
        let mut digits = 1;
        while numbers[next] / scale >= 10 {
            (scale, digits) = (scale * 10, digits + 1);
        }
        while digits > 0 {
            if at < ROOM {
                out[at] = b'0' + (numbers[next] / scale % 10) as u8;
            }
            at += 1;
            digits -= 1;
            scale = if scale >= 10 { scale / 10 } else { 1 };
            if !plain && digits > 0 && digits % 3 == 0 {
                if at < ROOM {
                    out[at] = b',';
                }
                at += 1;
            }
        }
        (next, read) = (next + 1, read + if plain { 3 } else { 2 });
    }
    assert!(next == numbers.len(), "there are more numbers than places for them");
    (at, out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_stand_where_the_form_has_a_place_for_them() {
        const ONE: u8 = 1;
        const LARGE: usize = 1_048_576;
        assert_eq!(said!("1 to {} and {_} of {}", LARGE, LARGE, ONE), "1 to 1,048,576 and 1048576 of 1");
        let said = [said!("{}", 0u64), said!("{}", 999u64), said!("{} x", 1_000u64), said!("{}", 100_000u64), said!("{}", u64::MAX)];
        assert_eq!(said, ["0", "999", "1,000 x", "100,000", "18,446,744,073,709,551,615"]);
        assert_eq!(said!("an é and {} €", 65_535u64), "an é and 65,535 €");
    }
}
