//! The encoding of an XML document, found as Maven finds it (spec/projections/maven.md §4): the byte order mark, the look of
//! the first bytes, the XML declaration. Gives the text without its declaration. What is not a letter in an encoding is U+FFFD.

use crate::bad_xml::BadXml;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Where an XML declaration must end: Maven's reader looks no further.
const DECLARATION_BYTES: usize = 4096;

/// Reads bytes as text, behind the byte order mark and the declaration.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, BadXml> {
    let (mark, body) = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => (Some(UTF_8), rest),
        [0xfe, 0xff, rest @ ..] => (Some(UTF_16BE), rest),
        [0xff, 0xfe, rest @ ..] => (Some(UTF_16LE), rest),
        _ => (None, bytes),
    };
    let looks = match body {
        [0, b'<', 0, b'?', ..] => Some(UTF_16BE),
        [b'<', 0, b'?', 0, ..] => Some(UTF_16LE),
        _ => mark.filter(|mark| *mark != UTF_8),
    };
    if matches!((mark, looks), (Some(mark), Some(looks)) if mark != looks)
        || body.starts_with(&[0, 0])
        || body.get(1..3).is_some_and(|pair| pair == [0, 0])
    {
        return Err(BadXml::Encoding("UTF-32, or what its byte order mark does not say".to_owned()));
    }
    let head: String = match looks {
        Some(wide) => wide.decode_without_bom_handling(body.get(..2 * DECLARATION_BYTES).unwrap_or(body)).0.into_owned(),
        None => body.iter().take(DECLARATION_BYTES).map(|b| char::from(*b)).collect(),
    };
    let declared = declaration(&head)?.0.map(str::to_ascii_lowercase);
    let name = declared.as_deref().unwrap_or("utf-8");
    let text = match looks {
        Some(wide) => {
            let own = wide.name().to_ascii_lowercase();
            let fits = name == "utf-16" || name == own || (declared.is_none() && mark.is_some());
            if !fits || body.len() % 2 != 0 {
                return Err(BadXml::Encoding(format!("{}, and does not say so", wide.name())));
            }
            wide.decode_without_bom_handling(body).0.into_owned()
        }
        None => narrow(name, body).ok_or_else(|| BadXml::Encoding(name.chars().take(40).collect()))?,
    };
    let (_, rest) = declaration(&text)?;
    Ok(rest.to_owned())
}

/// Text in an encoding whose first 128 letters are those of ASCII, by the names that Java has for it.
fn narrow(name: &str, bytes: &[u8]) -> Option<String> {
    let name = name.replace('_', "-");
    // ISO-8859-1 has a control character where Windows-1252, which the web takes for it, has a letter; so have -9 and -11.
    let (label, keeps_controls) = match name.as_str() {
        "utf-8" | "utf8" => return Some(String::from_utf8_lossy(bytes).into_owned()),
        "us-ascii" | "ascii" | "ascii7" | "ansi-x3.4-1968" | "ansi-x3.4-1986" | "iso-646.irv:1991" | "iso646-us" | "cp367" | "ibm367" => {
            return Some(bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { char::REPLACEMENT_CHARACTER }).collect());
        }
        "iso-8859-1" | "iso8859-1" | "latin1" | "l1" | "cp819" | "ibm819" | "ibm-819" | "iso-ir-100" => {
            return Some(bytes.iter().map(|b| char::from(*b)).collect());
        }
        "iso-8859-9" | "iso8859-9" | "latin5" | "l5" => ("windows-1254", true),
        "iso-8859-11" | "iso8859-11" => ("windows-874", true),
        "tis-620" | "tis620" => ("windows-874", false),
        "latin2" | "l2" => ("iso-8859-2", true),
        "latin4" | "l4" => ("iso-8859-4", true),
        "latin9" | "latin-9" => ("iso-8859-15", true),
        "sjis" | "shift-jis" | "x-sjis" | "ms-kanji" | "windows-31j" | "ms932" | "cp932" | "cswindows31j" => ("shift_jis", false),
        "euc-jp" | "eucjp" | "x-euc-jp" => ("euc-jp", false),
        "euc-kr" | "euckr" | "ks-c-5601-1987" | "ksc5601" => ("euc-kr", false),
        "gb2312" | "euc-cn" | "euccn" | "x-euc-cn" | "gbk" | "cp936" | "windows-936" => ("gbk", false),
        "x-macroman" | "macroman" => ("macintosh", false),
        "ibm866" | "ibm-866" | "cp866" => ("ibm866", false),
        "windows-874" | "x-windows-874" | "ms874" | "iso-2022-jp" | "gb18030" | "big5" | "koi8-r" | "koi8-u" => (name.as_str(), false),
        _ => match name.strip_prefix("iso-8859-").or_else(|| name.strip_prefix("iso8859-")) {
            Some(part @ ("2" | "3" | "4" | "5" | "6" | "7" | "8" | "13" | "15" | "16")) => {
                return of_label(&format!("iso-8859-{part}"), bytes, true);
            }
            Some(_) => return None,
            None => match name.strip_prefix("windows-").or_else(|| name.strip_prefix("cp")) {
                Some(part @ ("1250" | "1251" | "1252" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258")) => {
                    return of_label(&format!("windows-{part}"), bytes, false);
                }
                _ => return None,
            },
        },
    };
    of_label(label, bytes, keeps_controls)
}

/// By a label of the web's encoding standard. Where the web reads a byte as a control character, Java knows no letter.
fn of_label(label: &str, bytes: &[u8], keeps_controls: bool) -> Option<String> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    let is_control = |b: u8| (0x80..=0x9f).contains(&b);
    if keeps_controls && encoding.is_single_byte() {
        // Letter by letter, since the byte itself decides.
        let letter = |b: &u8| match is_control(*b) {
            true => char::from(*b),
            false => encoding.decode_without_bom_handling(&[*b]).0.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        return Some(bytes.iter().map(letter).collect());
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    if !encoding.is_single_byte() {
        return Some(text.into_owned());
    }
    Some(text.chars().map(|c| if matches!(c, '\u{80}'..='\u{9f}') { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

/// The encoding that an XML declaration names, and what follows it. Without a declaration all follows.
fn declaration(text: &str) -> Result<(Option<&str>, &str), BadXml> {
    let bad = |why: &str| BadXml::Malformed(format!("its XML declaration {why}"));
    let Some(after) = text.strip_prefix("<?xml") else { return Ok((None, text)) };
    if !after.starts_with(WHITE) {
        return Err(bad("says no version"));
    }
    let (inside, rest) = after.split_once("?>").ok_or_else(|| bad("does not end"))?;
    let (version, inside) = said(inside, "version").ok_or_else(|| bad("says no version"))?;
    if version != "1.0" {
        return Err(bad("says another version of XML than 1.0; write 1.0"));
    }
    let (encoding, inside) = said(inside, "encoding").map_or((None, inside), |(name, inside)| (Some(name), inside));
    let (alone, inside) = said(inside, "standalone").map_or(("no", inside), |(alone, inside)| (alone, inside));
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    if !inside.trim_matches(WHITE).is_empty() || !matches!(alone, "yes" | "no") || !encoding.is_none_or(is_name) {
        return Err(bad("is not as XML writes it: version, encoding, standalone"));
    }
    Ok((encoding, rest))
}

/// White space, a name, `=`, a value in quotes; and what follows.
fn said<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let after = text.strip_prefix(WHITE)?.trim_start_matches(WHITE).strip_prefix(name)?;
    let value = after.trim_start_matches(WHITE).strip_prefix('=')?.trim_start_matches(WHITE);
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split_once(quote)
}

/// White space as XML has it.
pub(crate) const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with(declared: &str, letters: &[u8]) -> Result<String, BadXml> {
        decode(&[format!("<?xml version=\"1.0\" encoding=\"{declared}\"?>").as_bytes(), letters].concat())
    }

    #[test]
    fn letters_are_those_of_the_encoding_that_is_said() {
        for (declared, letters, expected) in [
            ("ISO-8859-15", &b"\xa4\xbd"[..], "\u{20ac}\u{153}"),
            ("ISO-8859-1", b"\xa4\x80", "\u{a4}\u{80}"),
            ("ISO-8859-9", b"\xf0\x85", "\u{11f}\u{85}"),
            ("windows-1252", b"\x80\x93\x81", "\u{20ac}\u{201c}\u{fffd}"),
            ("Cp1251", b"\xc8\xec\xff", "\u{418}\u{43c}\u{44f}"),
            ("windows-1250", b"\xa3", "\u{141}"),
            ("ISO8859_2", b"\xa3", "\u{141}"),
            ("KOI8-R", b"\xe9", "\u{418}"),
            ("Shift_JIS", b"\x93\xfa\x96\x7b", "\u{65e5}\u{672c}"),
            ("EUC_JP", b"\xc6\xfc", "\u{65e5}"),
            ("GBK", b"\xc4\xe3", "\u{4f60}"),
            ("GB18030", b"\x81\x30\x81\x30", "\u{80}"),
            ("Big5", b"\xa7\x41", "\u{4f60}"),
            ("UTF-8", "\u{e9}".as_bytes(), "\u{e9}"),
            ("us-ascii", b"e\xe9", "e\u{fffd}"),
        ] {
            assert_eq!(with(declared, letters).as_deref(), Ok(expected), "{declared}");
        }
        for unknown in [
            "EBCDIC-X",
            "x-user-defined",
            "UTF-16",
            "UTF-32",
            "ISO-8859-10",
            "ISO-8859-12",
            "ISO-8859-14",
            "HZ",
            "ANSI",
            "UTF-7",
            "replacement",
        ] {
            assert!(matches!(with(unknown, b"<a/>"), Err(BadXml::Encoding(_))), "{unknown}");
        }
    }

    #[test]
    fn two_bytes_a_letter_are_read_where_something_says_so() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        for (mark, big) in [(&b"\xff\xfe"[..], false), (b"\xfe\xff", true)] {
            for declared in ["", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='utf-16'?>"] {
                assert_eq!(
                    decode(&[mark, &wide(&format!("{declared}<\u{e9}/>"), big)].concat()).as_deref(),
                    Ok("<\u{e9}/>"),
                    "{declared} {big}"
                );
            }
            let own = if big { "UTF-16BE" } else { "UTF-16LE" };
            assert_eq!(decode(&wide(&format!("<?xml version='1.0' encoding='{own}'?><a/>"), big)).as_deref(), Ok("<a/>"));
            assert_eq!(decode(&wide("<?xml version='1.0' encoding='UTF-16'?><a/>", big)).as_deref(), Ok("<a/>"));
            for bad in [
                [mark, &wide("<?xml version='1.0' encoding='UTF-8'?><a/>", big)].concat(),
                wide("<?xml version='1.0'?><a/>", big),
                [mark, &wide("<a/>", big), b"x"].concat(),
            ] {
                assert!(matches!(decode(&bad), Err(BadXml::Encoding(_))), "{bad:?}");
            }
        }
        assert!(decode(b"\xff\xfe\0\0<\0\0\0").is_err() && decode(b"\0\0\0<").is_err() && decode(b"<\0\0\0").is_err());
        assert_eq!(decode("\u{feff}<a/>".as_bytes()).as_deref(), Ok("<a/>"));
    }

    #[test]
    fn a_declaration_is_as_xml_writes_it_or_refused() {
        for good in [
            "<?xml version='1.0'?>",
            "<?xml  version = \"1.0\"  encoding = 'UTF-8' standalone='yes' ?>",
            "<?xml\nversion=\"1.0\"\n?>",
            "<?xml version=\"1.0\" standalone=\"no\"?>",
        ] {
            assert_eq!(decode(format!("{good}<a/>").as_bytes()).as_deref(), Ok("<a/>"), "{good}");
        }
        for bad in [
            "<?xml?>",
            "<?xml ?>",
            "<?xml version='1.1'?>",
            "<?xml version='1.00'?>",
            "<?xml version=' 1.0'?>",
            "<?xml version='2.0'?>",
            "<?xml version=1.0?>",
            "<?xml version='1.0\"?>",
            "<?xml encoding='UTF-8'?>",
            "<?xml encoding='UTF-8' version='1.0'?>",
            "<?xml version='1.0'encoding='UTF-8'?>",
            "<?xml version='1.0' encoding='UTF-8' encoding='UTF-8'?>",
            "<?xml version='1.0' encoding=''?>",
            "<?xml version='1.0' encoding='8859_1'?>",
            "<?xml version='1.0' encoding='ISO-8859-1 '?>",
            "<?xml version='1.0' standalone='maybe'?>",
            "<?xml version='1.0' more='x'?>",
            "<?xml version='1.0'>",
            "<?xml-stylesheet href='x'?>",
        ] {
            assert!(matches!(decode(format!("{bad}<a/>").as_bytes()), Err(BadXml::Malformed(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), label in "[A-Za-z0-9_-]{1,12}", letters in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = decode(&bytes);
            let _ = with(&label, &letters);
        }
    }
}
