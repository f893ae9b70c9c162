//! Keys in packages, and keys in settings: neither is published, and neither is in any message.

use super::{advised, nothing_is_there, text};
use crate::common::{Place, claimed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::process::Output;

fn private_key() -> String {
    let body = STANDARD.encode((0..120u8).map(|i| i.wrapping_mul(31)).collect::<Vec<_>>());
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----{} EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", "BEGIN", lines.join("\n"))
}

#[test]
fn the_key_that_signs_is_never_published() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let dir = place.package("greet", "1.0.0", "");
    let id = "npm:demo.localhost/greet";
    let pem = std::fs::read_to_string(place.path("home/key.pem")).unwrap();
    let hold = |bytes: &[u8], name: &str| {
        std::fs::write(dir.join(name), bytes).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(dir.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    let body = pem.lines().nth(1).unwrap();
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    for (name, bytes) in [("key.pem", pem.as_bytes()), ("lib.js", format!("const k = '{body}'\n").as_bytes()), ("key.der", &der)] {
        hold(bytes, name);
        for args in [&["publish"][..], &["publish", "--dry-run"], &["publish", "--allow-private-key", name], &["publish", "--json"]] {
            let said = place.at(url, &[args, &[text(&dir)]].concat()).ends(1, "[signing_key_inside]");
            assert!(said.err.contains(&format!("package/{name}, line")), "{said:?}");
            assert!(!said.err.contains(&body[20..]) && !said.out.contains(&body[20..]), "{said:?}");
        }
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    // As a job does that was told DEEDBOX_KEY=key.pem, run where the package is.
    hold(pem.as_bytes(), "key.pem");
    let mut command = place.deedbox();
    command.current_dir(&dir).env("DEEDBOX_KEY", "key.pem").env("DEEDBOX_REGISTRY", url).arg("publish");
    let output = command.output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("package/key.pem, line 2"), "{output:?}");
    nothing_is_there(&registry, &place, id);
    std::fs::remove_file(dir.join("key.pem")).unwrap();
    place.publish(url, &dir);
}

#[test]
fn a_private_key_is_published_only_by_its_path() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let dir = place.package("tls", "1.0.0", "");
    std::fs::create_dir_all(dir.join("test")).unwrap();
    std::fs::write(dir.join("test/a key.pem"), private_key()).unwrap();
    std::fs::write(dir.join("test/other.pem"), private_key()).unwrap();
    let refused = place.at(url, &["publish", text(&dir)]).ends(1, "[private_key_inside]");
    nothing_is_there(&registry, &place, "npm:demo.localhost/tls");
    let advice = advised(&refused.err, "--allow-private-key", &['[']).to_owned();
    let half = advice.split(" --allow-private-key").next().unwrap();
    let shell = |flags: &str| -> Output {
        let mut command = std::process::Command::new("sh");
        let line = format!("{} publish {} {flags}", env!("CARGO_BIN_EXE_deedbox"), dir.display());
        command.args(["-c", &line]).env("DEEDBOX_REGISTRY", url).env("DEEDBOX_HOME", place.path("home")).current_dir(place.dir.path());
        command.output().unwrap()
    };
    assert_eq!(shell(half).status.code(), Some(1), "one of two: {half}");
    let done = shell(&advice);
    assert!(done.status.success(), "{advice}: {done:?}");

    // In a jar, and in a file beside it.
    let folder = "repository/localhost/demo/w/1.0";
    place.pom("w/1.0", "w-1.0", "w", "1.0");
    place.write(&format!("{folder}/w-1.0-key.pem"), private_key());
    place.at(url, &["publish", &place.repository()]).ends(1, "w-1.0-key.pem, line 1");
    std::fs::remove_file(place.path(&format!("{folder}/w-1.0-key.pem"))).unwrap();
    // In a gem, where files are two archives deep.
    let gem = place.gem("2.0.0", "");
    place.write("gems/2.0.0/lib/chime.rb", format!("KEY = <<X\n{}X\n", private_key()));
    let refused = place.at(url, &["publish", text(&gem)]).ends(1, "data.tar.gz!/lib/chime.rb, line 2");
    assert!(refused.err.contains("--allow-private-key 'data.tar.gz!/lib/chime.rb'"), "{refused:?}");
    place.at(url, &["publish", text(&gem), "--allow-private-key", "data.tar.gz!/lib/chime.rb"]).done();
}

#[test]
fn what_looks_like_a_token_is_named_by_its_place_and_not_shown() {
    let place = Place::new();
    let registry = claimed(&place);
    let dir = place.package("t", "1.0.0", "");
    let token = format!("gh{}", "p_0123456789abcdefghij0123456789abcdefghij");
    std::fs::write(dir.join("ci.yml"), format!("a: 1\nb: {token}\n")).unwrap();
    let said = place.publish(&registry.url, &dir);
    assert!(said.err.contains("package/ci.yml, line 2, looks like a forge token"), "{said:?}");
    assert!(!said.err.contains(&token) && !said.out.contains(&token), "{said:?}");
}

#[test]
fn a_key_may_be_text_and_no_secret_setting_is_in_any_message() {
    let place = Place::new();
    let registry = claimed(&place);
    let url = registry.url.as_str();
    let pem = std::fs::read_to_string(place.path("home/key.pem")).unwrap();
    std::fs::remove_file(place.path("home/key.pem")).unwrap();
    let body = pem.lines().nth(1).unwrap()[22..60].to_owned();
    let with = |key: &str, args: &[&str]| -> (Option<i32>, String) {
        let output = place.deedbox().env("DEEDBOX_KEY", key).env("DEEDBOX_REGISTRY", url).args(args).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains(&body), "{args:?}: {said}");
        (output.status.code(), said)
    };
    let forms = [pem.clone(), pem.trim().to_owned(), pem.replace('\n', "\r\n"), pem.replace('\n', "\\n")];
    for (n, key) in forms.iter().enumerate() {
        let dir = place.package("text", &format!("1.0.{n}"), "");
        let (code, said) = with(key, &["publish", text(&dir)]);
        assert_eq!(code, Some(0), "{said}");
    }
    // The scripts of a package that is packed do not see it.
    let nosy = place.package("nosy", "1.0.0", ", \"scripts\": {\"prepack\": \"test -z \\\"$DEEDBOX_KEY\\\"\"}");
    assert_eq!(with(&pem, &["publish", text(&nosy)]).0, Some(0));

    let dir = place.package("text", "2.0.0", "");
    let (line, cut) = (pem.lines().nth(1).unwrap(), &pem[..90]);
    for wrong in [line, cut, &pem.replace("PRIVATE KEY", "RSA PRIVATE KEY"), &pem.replace("MC", "XX"), &STANDARD.encode(&pem)] {
        for args in [
            &["publish", text(&dir)][..],
            &["publish", "--dry-run", "--json", text(&dir)],
            &["yank", "npm:demo.localhost/text@1.0.0"],
            &["keygen", "--json", "--out", "made.pem"],
            &["publish", "--help"],
            &["--help"],
            &["publish", "--no-such-flag"],
            &["verify", "--offline", "npm:demo.localhost/text@1.0.0"],
        ] {
            with(wrong, args);
        }
    }
    // In the wrong place.
    for args in [
        &["publish", pem.as_str()][..],
        &["publish", "--id", &pem],
        &["publish", "--json", &pem],
        &["--key", &pem, "publish", "--bogus"],
        &["publish", "--key", &pem, "--key", &pem],
        &["--key", &pem, "yank", &pem],
        &["claim", "x.localhost", "--operator-key", &pem[..100]],
        &["claim", &pem],
        &["verify", &pem],
        &["--registry", &pem, "publish", text(&dir)],
        &[pem.as_str()],
    ] {
        let (code, said) = with("", args);
        assert!(code != Some(0), "{args:?}: {said}");
    }
    let (code, _) = with("", &["--key", &pem, "publish", text(&dir)]);
    assert_eq!(code, Some(0));
    // Settings that cannot be read, and an address with a password.
    place.write("deedbox.toml", format!("registry = \"{url}\"\nkey = {line}\n"));
    let (code, said) = with("", &["publish", text(&dir)]);
    assert!(code == Some(2) && said.contains("deedbox.toml: line 2"), "{said}");
    std::fs::remove_file(place.path("deedbox.toml")).unwrap();
    let said = place.at("https://me:my-password@registry.example", &["publish", text(&dir)]).ends(2, "it has no user");
    assert!(!said.err.contains("my-password"), "{said:?}");
}
