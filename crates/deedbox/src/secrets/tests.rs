//! Keys in every spelling and every place, and what only looks like one.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::io::Write as _;

fn key() -> SecretKey {
    SecretKey::from_seed(&std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(11)))
}

/// The first line of a private key, as no source file of ours may hold it.
fn begin(label: &str) -> String {
    format!("-----{} {label}-----", "BEGIN")
}

fn pem(label: &str, bytes: usize) -> String {
    let body: Vec<u8> = (0..bytes).map(|i| (i * 131 % 251) as u8).collect();
    let text = STANDARD.encode(body);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("{}\n{}\n-----END {label}-----\n", begin(label), lines.join("\n"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        out.append_data(&mut header, name, *content).unwrap();
    }
    out.into_inner().unwrap()
}

#[test]
fn a_pax_header_is_read_by_the_lengths_of_its_records() {
    let record = |text: &str| {
        let length = (text.len() + 3..).find(|length| length.to_string().len() + text.len() + 2 == *length).unwrap();
        format!("{length} {text}\n")
    };
    let path = |header: String| archives::pax_path(header.as_bytes()).map(|path| String::from_utf8(path).unwrap());
    let comment = record("comment=see 20 path=harmless.txt\n20 path=harmless.txt");
    assert_eq!(path(format!("{comment}{}", record("path=real"))).as_deref(), Some("real"));
    assert_eq!(path(comment), None);
    assert_eq!(path(format!("{}{}", record("path=one"), record("path=a\nb"))).as_deref(), Some("a\nb"));
    for broken in ["", " path=x\n", "9 path=x", "99 path=x\n", "0 path=x\n", "+9 path=x\n", "99999999999999999999999 path=x\n"] {
        assert_eq!(path(broken.to_owned()), None, "{broken:?}");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Stored,
    Deflated,
    /// With its sizes behind it.
    Open,
}

fn zip_of(files: &[(&str, &[u8], How)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content, how) in files {
        let packed = if *how == How::Stored {
            content.to_vec()
        } else {
            let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(content).unwrap();
            out.finish().unwrap()
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let is_open = *how == How::Open;
        let sizes = |out: &mut Vec<u8>| {
            out.extend(crc.sum().to_le_bytes());
            out.extend((packed.len() as u32).to_le_bytes());
            out.extend((content.len() as u32).to_le_bytes());
        };
        out.extend(b"PK\x03\x04\x14\0");
        out.extend([if is_open { 8u8 } else { 0 }, 0, if *how == How::Stored { 0 } else { 8 }, 0, 0, 0, 0, 0]);
        if is_open {
            out.extend([0; 12])
        } else {
            sizes(&mut out)
        }
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(&packed);
        if is_open {
            out.extend(b"PK\x07\x08");
            sizes(&mut out);
        }
    }
    out.extend(b"PK\x01\x02 and a directory, which nothing here reads");
    out
}

fn look(bytes: &[u8]) -> Seen {
    look_allowing(bytes, &[])
}

fn look_allowing(bytes: &[u8], allowed: &[&str]) -> Seen {
    let allowed: Vec<String> = allowed.iter().map(|path| (*path).to_owned()).collect();
    Look::new(Some(&key()), &allowed).through("a", &mut &*bytes).unwrap()
}

fn kinds(seen: &Seen) -> Vec<(&str, u64, Kind)> {
    seen.findings.iter().map(|f| (f.path.as_str(), f.line, f.kind)).collect()
}

#[test]
fn the_signing_key_is_found_in_every_spelling() {
    let (key, text) = (key(), key().to_pem());
    let body = text.lines().nth(1).unwrap();
    let seed = key.seed();
    let hex: String = seed.iter().map(|b| format!("{b:02x}")).collect();
    let der = STANDARD.decode(text.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let wrapped = |text: &str, width: usize| -> String {
        text.as_bytes().chunks(width).map(|line| format!("{}\n", std::str::from_utf8(line).unwrap())).collect()
    };
    let encoded = STANDARD.encode(&text);
    // OpenSSH's form holds the seed behind a length and other fields, and wraps its lines at 70.
    let mut openssh = b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none".to_vec();
    openssh.extend([7; 98]);
    openssh.extend(seed);
    openssh.extend([9; 41]);
    for (name, bytes) in [
        ("der", der),
        ("seed", seed.to_vec()),
        ("body", body.as_bytes().to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("seed in base64", STANDARD.encode(seed).into_bytes()),
        ("seed in base64url", STANDARD.encode(seed).replace('+', "-").replace('/', "_").into_bytes()),
        ("a secret of a cluster", format!("data:\n  key.pem: {encoded}\n").into_bytes()),
        ("wrapped at 76", wrapped(&encoded, 76).into_bytes()),
        ("wrapped at 64", wrapped(&encoded, 64).into_bytes()),
        ("a text before it", STANDARD.encode(format!("x{text}")).into_bytes()),
        ("two letters before it", STANDARD.encode(format!("xy{text}")).into_bytes()),
        ("openssh", wrapped(&STANDARD.encode(&openssh), 70).into_bytes()),
        ("in JSON", format!("{{\"key\":\"{}\"}}", text.replace('\n', "\\n")).into_bytes()),
    ] {
        let seen = look(&[b"some text\n".as_slice(), &bytes, b"\nmore\n"].concat());
        assert!(seen.findings.iter().any(|f| f.kind == Kind::SigningKey && f.line >= 2), "{name}: {seen:?}");
    }
    let other = SecretKey::from_seed(&[3; 32]).to_pem();
    let seen = look(other.lines().nth(1).unwrap().as_bytes());
    assert_eq!(seen.findings, [], "the body of another key is not this one");
    let public = STANDARD.encode(key.public().to_bytes());
    assert_eq!(look(format!("{public} {}", key.public().id().to_hex()).as_bytes()).findings, []);
}

#[test]
fn private_keys_are_found_by_label_and_body_and_their_line_is_said() {
    let wide = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let pkcs8 = pem("PRIVATE KEY", 120);
    for (name, text) in [
        ("PKCS #8", pkcs8.clone().into_bytes()),
        ("PKCS #1", pem("RSA PRIVATE KEY", 1_190).into_bytes()),
        ("the longest RSA", pem("RSA PRIVATE KEY", 9_200).into_bytes()),
        ("EC", pem("EC PRIVATE KEY", 121).into_bytes()),
        ("DSA", pem("DSA PRIVATE KEY", 400).into_bytes()),
        ("encrypted", pem("ENCRYPTED PRIVATE KEY", 300).into_bytes()),
        ("OpenSSH", pem("OPENSSH PRIVATE KEY", 260).into_bytes()),
        ("PGP", pem("PGP PRIVATE KEY BLOCK", 900).replacen('\n', "\nVersion: 2\nComment: x\n\n", 1).into_bytes()),
        ("encrypted as of old", {
            let headers = "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
            pem("RSA PRIVATE KEY", 300).replacen('\n', headers, 1).into_bytes()
        }),
        ("SSH2", {
            let text = pem("X", 300).replace(&begin("X"), "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"x\"");
            text.replace("-----END X-----", "---- END SSH2 ENCRYPTED PRIVATE KEY ----").into_bytes()
        }),
        ("PuTTY", format!("PuTTY-User-Key-File-{}: ssh-rsa\nPrivate-Lines: 1\n{}", 3, "Ab1+".repeat(16)).into_bytes()),
        ("CR LF", pkcs8.replace('\n', "\r\n").into_bytes()),
        ("in JSON", pkcs8.replace('\n', "\\n").into_bytes()),
        ("in a source", pkcs8.lines().map(|line| format!("\"{line}\\n\" +\n")).collect::<String>().into_bytes()),
        ("in YAML", pkcs8.lines().map(|line| format!("    {line}\n")).collect::<String>().into_bytes()),
        ("narrow lines", pem("EC PRIVATE KEY", 121).as_bytes().chunks(40).collect::<Vec<_>>().join(&b""[..])),
        ("cut off", pkcs8.split("-----END").next().unwrap().as_bytes().to_vec()),
        ("UTF-16, little-endian", wide(&pkcs8, false)),
        ("UTF-16, big-endian", wide(&pkcs8, true)),
        ("in base64", STANDARD.encode(&pkcs8).into_bytes()),
        ("in base64, behind a letter", STANDARD.encode(format!("x{pkcs8}")).into_bytes()),
        ("in base64, behind two", STANDARD.encode(format!("xy{pkcs8}")).into_bytes()),
        ("in base64, wrapped", STANDARD.encode(&pkcs8).as_bytes().chunks(76).collect::<Vec<_>>().join(&b"\n"[..])),
    ] {
        for before in [b"".as_slice(), b"one\ntwo\n"] {
            let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
            let seen = look(&[before, &text].concat());
            assert!(seen.findings.iter().any(|f| f.kind == Kind::PrivateKey && f.line == line), "{name}: {seen:?}");
        }
    }
}

#[test]
fn what_only_speaks_of_keys_is_no_key() {
    let begin = begin("RSA PRIVATE KEY");
    for text in [
        format!("var a='{begin}',b='-----END RSA PRIVATE KEY-----'"),
        format!("{begin}\n...\n-----END RSA PRIVATE KEY-----"),
        format!("{begin}\nMIIEpAIBAAKCAQEA7bq0uNJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA...\n-----END RSA PRIVATE KEY-----"),
        format!("t=\"{begin}\\n\";return t+=r.wordwrap(this.getPrivateBaseKeyB64())+\"\\n\",t+=\"-----END RSA PRIVATE KEY-----\""),
        format!("{begin}\n${{key}}\n-----END RSA PRIVATE KEY-----"),
        begin.clone(),
        begin.repeat(1_000),
        // Constants of a compiled class, as Java programs that read keys have them.
        format!(
            "{begin}\u{1}\0\u{17}java/lang/StringBuilder\u{1}\0\u{20}org/example/keys/KeyPairGenerator1\u{1}\0\u{20}org/example/keys/KeyPairGenerator2"
        ),
        "PuTTY-User-Key-File-2: \u{1}\0\u{20}org/example/keys/KeyPairGenerator1\u{1}\0\u{20}org/example/keys/KeyPairGenerator2".to_owned(),
        // Long names after it in a source.
        format!("{begin}\";\nfinal AbstractPrivateKeyReaderFactoryBean abstractPrivateKeyReaderFactoryBean = null;"),
        pem("CERTIFICATE", 900),
        pem("PUBLIC KEY", 290),
        pem("PGP PUBLIC KEY BLOCK", 900),
        pem("PGP MESSAGE", 900),
        STANDARD.encode(pem("CERTIFICATE", 900)),
        format!("{}\n{}", "-----BEGIN RSA private KEY-----", "A".repeat(200)),
    ] {
        assert_eq!(look(text.as_bytes()).findings, [], "{text}");
    }
}

#[test]
fn tokens_are_found_by_their_shape_and_variables_are_none() {
    let word = |n: usize| "aB3dE6gH9j".repeat(10)[..n].to_owned();
    let token = |start: &str, rest: String| format!("{start}{rest}");
    for (text, name) in [
        (token("//registry.example/:_auth", "Token=0123456789abcdef".to_owned()), "an npm token"),
        (token("npm", format!("_{}", word(36))), "an npm token"),
        (token("key = AKI", "AIOSFODNN7ABCDEFG".to_owned()), "a cloud access key id"),
        (token("\"ASI", "AIOSFODNN7ABCDEFG\"".to_owned()), "a cloud access key id"),
        (token("gh", format!("p_{}", word(36))), "a forge token"),
        (token("github", format!("_pat_{}", word(60))), "a forge token"),
        (token("glp", format!("at-{}", word(20))), "a forge token"),
        (token("Bearer ey", format!("JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.{}", word(43))), "a signed web token"),
    ] {
        assert_eq!(kinds(&look(format!("x\n{text}\n").as_bytes())), [("a", 2, Kind::Token(name))], "{text}");
    }
    for text in [
        "_authToken=${NPM_TOKEN}".to_owned(),
        "_authToken = ''".to_owned(),
        "_authToken=$TOKEN".to_owned(),
        "npm_config_registry=https://registry.example/npm/".to_owned(),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        token("XAKI", "AIOSFODNN7ABCDEFG".to_owned()),
        token("AKI", "AIOSFODNN7ABCDEFGH".to_owned()),
        "ghp_ is how they begin".to_owned(),
        "eyJhbGciOiJIUzI1NiJ9".to_owned(),
        "eyJ.eyJ.x".to_owned(),
    ] {
        assert_eq!(look(text.as_bytes()).findings, [], "{text}");
    }
}

#[test]
fn keys_are_found_in_every_archive_and_in_archives_inside() {
    let secret = pem("PRIVATE KEY", 120);
    let secret = secret.as_bytes();
    let text = b"nothing".as_slice();
    let jar = |how| {
        zip_of(&[("META-INF/", b"", How::Stored), ("a.txt", text, How::Open), ("conf/key.pem", secret, how), ("b", text, How::Stored)])
    };
    for (name, bytes, path) in [
        ("npm", gzip(&tar_of(&[("package/package.json", text), ("package/key.pem", secret)])), "a!/package/key.pem"),
        ("a jar", jar(How::Deflated), "a!/conf/key.pem"),
        ("a jar, stored", jar(How::Stored), "a!/conf/key.pem"),
        ("a jar, sizes behind", jar(How::Open), "a!/conf/key.pem"),
        ("a jar in a jar", zip_of(&[("BOOT-INF/lib/x.jar", &jar(How::Open), How::Stored)]), "a!/BOOT-INF/lib/x.jar!/conf/key.pem"),
        ("packed twice", zip_of(&[("lib/x.jar", &jar(How::Stored), How::Deflated)]), "a!/lib/x.jar!/conf/key.pem"),
        ("behind a script", [b"#!/bin/sh\nexec java -jar \"$0\"\n".as_slice(), &jar(How::Deflated)].concat(), "a!/conf/key.pem"),
        (
            "a gem",
            tar_of(&[("metadata.gz", &gzip(text)), ("data.tar.gz", &gzip(&tar_of(&[("lib/k.rb", secret)])))]),
            "a!/data.tar.gz!/lib/k.rb",
        ),
        ("a layer", gzip(&gzip(&tar_of(&[("./etc/ssl/k", secret)]))), "a!/etc/ssl/k"),
        ("plain gzip", gzip(secret), "a"),
        ("gzip of two members", [gzip(text), gzip(secret)].concat(), "a"),
        (
            "a long name",
            tar_of(&[(&"d/".repeat(70), text), (&format!("{}k", "d/".repeat(70)), secret)]),
            &format!("a!/{}k", "d/".repeat(70)),
        ),
        ("five deep", zip_of(&[("t.tgz", &gzip(&tar_of(&[("x.jar", &jar(How::Open))])), How::Open)]), "a!/t.tgz!/x.jar!/conf/key.pem"),
        ("behind the end of a tar", [tar_of(&[("x", text)]), secret.to_vec()].concat(), "a"),
        ("in the comment of a zip", [jar(How::Stored)[..40].to_vec(), secret.to_vec()].concat(), "a"),
    ] {
        let seen = look(&bytes);
        let found: Vec<_> = seen.findings.iter().map(|f| (f.path.as_str(), f.kind)).collect();
        assert_eq!(found, [(path, Kind::PrivateKey)], "{name}: {seen:?}");
    }
}

#[test]
fn what_is_meant_is_let_through_by_its_path_and_the_signing_key_never() {
    let secret = pem("RSA PRIVATE KEY", 600);
    let inner = zip_of(&[("k.pem", secret.as_bytes(), How::Deflated)]);
    let bytes = gzip(&tar_of(&[
        ("package/test/k.pem", secret.as_bytes()),
        ("package/test/x.jar", &inner),
        ("package/other.pem", secret.as_bytes()),
    ]));
    let left = |allowed: &[&str]| -> Vec<String> { look_allowing(&bytes, allowed).findings.into_iter().map(|f| f.path).collect() };
    let (k, x, other) = ("a!/package/test/k.pem", "a!/package/test/x.jar!/k.pem", "a!/package/other.pem");
    assert_eq!(left(&[]), [k, x, other]);
    for (allowed, expected) in [
        (&["test/k.pem"][..], &[x, other][..]),
        (&["package/test/k.pem"], &[x, other]),
        (&["a!/package/test/k.pem"], &[x, other]),
        (&["./test/k.pem"], &[x, other]),
        (&["test"], &[other]),
        (&["test/"], &[other]),
        (&["test/x.jar"], &[k, other]),
        (&["test/x.jar!/k.pem", "other.pem"], &[k]),
        (&["k.pem", "", "pem", "tes", "/", "package/test/k.pe"], &[k, x, other]),
    ] {
        assert_eq!(left(allowed), expected, "{allowed:?}");
    }
    let own = key().to_pem();
    let bytes = gzip(&tar_of(&[("package/key.pem", own.as_bytes())]));
    let seen = look_allowing(&bytes, &["key.pem"]);
    assert_eq!(kinds(&seen), [("a!/package/key.pem", 2, Kind::SigningKey)]);
}

#[test]
fn files_are_listed_as_they_are_published() {
    let inner = zip_of(&[("k", b"xyz", How::Open)]);
    let bytes = gzip(&tar_of(&[("package/package.json", b"{}"), ("package/lib/x.jar", &inner)]));
    let listed = |seen: Seen| -> Vec<(String, u64)> { seen.files.into_iter().map(|f| (inside(&f.path).to_owned(), f.size)).collect() };
    assert_eq!(listed(look(&bytes)), [("package/package.json".to_owned(), 2), ("package/lib/x.jar".to_owned(), inner.len() as u64)]);
    let data = gzip(&tar_of(&[("lib/k.rb", b"1234")]));
    let gem = tar_of(&[("data.tar.gz", &data)]);
    assert_eq!(listed(look(&gem)), [("data.tar.gz!/lib/k.rb".to_owned(), 4), ("data.tar.gz".to_owned(), data.len() as u64)]);
    assert_eq!(look(b"text").files, []);
}

#[test]
fn what_unpacks_to_more_than_is_looked_at_is_said_with_its_path() {
    let bomb = gzip(&vec![0; 3_000_000]);
    let bytes = gzip(&tar_of(&[("package/test/bomb.gz", &bomb), ("package/z", b"z")]));
    let small = |allowed: &[&str]| {
        let allowed: Vec<String> = allowed.iter().map(|path| (*path).to_owned()).collect();
        Look::new(None, &allowed).with_bytes(1_000_000).through("a", &mut &*bytes).unwrap()
    };
    assert_eq!(small(&[]).too_much.as_deref(), Some("a!/package/test/bomb.gz"));
    let seen = small(&["test/bomb.gz"]);
    assert_eq!((seen.too_much, seen.closed.len()), (None, 1));
    // Archives in archives without end.
    let mut deep = b"x".to_vec();
    for _ in 0..20 {
        deep = gzip(&deep);
    }
    assert_eq!(look(&deep).closed, [("a".to_owned(), "it lies in too many archives")]);
    for (bytes, why) in [
        (&b"\x28\xb5\x2f\xfd...."[..], "it is packed with zstd"),
        (b"\x1f\x8b\x08 and no gzip", "its gzip stream is damaged"),
        (b"PK\x03\x04\x14\0\x01\0\x08\0\0\0\0\0....\x02\0\0\0\x02\0\0\0\x01\0\0\0xab", "it is encrypted"),
    ] {
        let seen = look(bytes);
        assert_eq!(seen.closed.first().map(|(_, why)| *why), Some(why), "{seen:?}");
    }
}

proptest! {
    /// However a stream comes in pieces, and wherever in it a key lies.
    #[test]
    fn a_key_is_found_wherever_it_lies(before in 0usize..400_000, after in 0usize..200_000, piece in 1usize..70_000) {
        let bytes = [vec![b'.'; before], key().to_pem().into_bytes(), vec![b'\n'; after]].concat();
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                let n = self.1.min(buf.len()).min(self.0.len());
                buf[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let seen = Look::new(Some(&key()), &[]).through("a", &mut Pieces(&bytes, piece)).unwrap();
        prop_assert!(seen.findings.iter().any(|f| f.kind == Kind::PrivateKey && f.line == 1));
        prop_assert!(seen.findings.iter().any(|f| f.kind == Kind::SigningKey && f.line == 2));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), form in 0usize..4) {
        let head: &[u8] = [b"PK\x03\x04".as_slice(), b"\x1f\x8b\x08\0", b"-----BEGIN RSA PRIVATE KEY-----", b""][form];
        let mut bytes = [head, &bytes].concat();
        if form == 3 && bytes.len() > 262 {
            bytes[257..262].copy_from_slice(b"ustar");
        }
        let seen = look(&bytes);
        prop_assert!(seen.too_much.is_none());
    }
}
