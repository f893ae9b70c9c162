//! Tarballs that the npm dialect refuses (spec/projections/npm.md §4).

use super::Provoked;
use crate::tarballs::{self, claimed, gzip, inspected, member, package_json, pax, with};
use crate::world::World;
use deedbox_testkit::Owner;

/// Each code of the npm dialect: a tarball that goes up whole, with a manifest that is right about its bytes.
pub(super) async fn of_npm(world: &World, owner: &Owner, provoked: &mut Provoked) {
    let json = package_json("1.0.0", "");
    let file = |path: &str| member(path, b'0', b"x");
    let plain = |more: &[Vec<u8>]| with(&json, more);
    let fields = |more: &str| with(&package_json("1.0.0", more), &[]);
    let only = |json: &str| with(json, &[]);
    let nested = |n: usize| format!(",\"author\":{}{}", "[".repeat(n), "]".repeat(n));
    let mut long_header = member("x", b'x', b"");
    long_header[124..135].copy_from_slice(b"77777777777");
    tarballs::sum(&mut long_header);
    let mut bad_sum = file("package/x");
    bad_sum[148] ^= 1;
    let mut old_header = file("package/x");
    old_header[257..265].fill(0);
    tarballs::sum(&mut old_header);
    let scripts = format!(",\"scripts\":{{\"x\":\"{}\"}}", "y".repeat(deedbox_npm::limits::NATIVE_BYTES));
    let long_json = format!("{json}{}", " ".repeat(deedbox_npm::limits::PACKAGE_JSON_BYTES as usize));
    for (code, tarball) in [
        ("archive_not_gzip", b"<html>".to_vec()),
        ("archive_damaged", plain(&[bad_sum])),
        ("archive_damaged", plain(&[])[..60].to_vec()),
        ("archive_bytes_after_gzip", [plain(&[]), gzip(b"hidden")].concat()),
        ("archive_data_after_end", plain(&[vec![0; 1_024], file("package/hidden")])),
        ("archive_header", plain(&[old_header])),
        ("archive_link", plain(&[member("package/l", b'2', b"")])),
        ("archive_link", plain(&[pax(&[("linkpath", "/etc/passwd")]), file("package/x")])),
        ("archive_device", plain(&[member("package/d", b'3', b"")])),
        ("archive_sparse", plain(&[member("package/s", b'S', b"x")])),
        ("archive_member_kind", plain(&[member("package/x", b'V', b"")])),
        ("archive_path_escapes", plain(&[file("package/../../x")])),
        ("archive_path_escapes", plain(&[file("/etc/passwd")])),
        ("archive_path_unsafe", plain(&[file("package/..\\x")])),
        ("archive_path_not_utf8", plain(&[member(b"package/\xfc", b'0', b"x")])),
        ("archive_path_too_long", plain(&[file(&format!("package/{}x", "a/".repeat(17)))])),
        ("archive_path_too_long", plain(&[pax(&[("path", &format!("package/{}", "a".repeat(300)))]), file("package/x")])),
        ("archive_duplicate_member", plain(&[file("package/x"), file("package/x")])),
        ("archive_members_collide", plain(&[file("package/README"), file("package/readme")])),
        ("archive_two_manifests", plain(&[file("package/package.json")])),
        ("archive_no_top_folder", plain(&[file("x")])),
        ("archive_two_top_folders", plain(&[file("other/x")])),
        ("archive_extension_malformed", plain(&[pax(&[("size", "0")]), file("package/x")])),
        ("archive_extension_too_large", plain(&[long_header])),
        ("archive_too_many_members", plain(&(0..20).map(|n| file(&format!("package/{n}"))).collect::<Vec<_>>())),
        ("archive_too_large", plain(&[member("package/zeros", b'0', &vec![0; 9 << 20])])),
        ("package_json_missing", gzip(&[file("package/x"), vec![0; 1_024]].concat())),
        ("package_json_too_large", only(&long_json)),
        ("package_json_malformed", only("{")),
        ("package_json_duplicate_key", fields(",\"version\":\"1.0.0\"")),
        ("package_json_too_deep", fields(&nested(deedbox_npm::limits::FIELD_DEPTH + 1))),
        ("package_json_too_deep", fields(&nested(deedbox_npm::limits::JSON_DEPTH))),
        ("package_json_field", fields(",\"dependencies\":{\"a\":1}")),
        ("package_json_field", fields(",\"peerDependencies\":\"x\"")),
        ("package_json_tag", fields(",\"publishConfig\":{\"tag\":\"1.x\"}")),
        ("package_json_private", fields(",\"private\":true")),
        ("package_json_name", only("{\"name\":\"widget\",\"version\":\"1.0.0\"}")),
        ("package_json_version", only("{\"name\":\"@acme.localhost/widget\",\"version\":\"v1\"}")),
        ("package_json_too_much", fields(&scripts)),
    ] {
        let manifest = claimed("1.0.0", &tarball);
        let statement = tarballs::prepare(world, owner, &manifest, &[&tarball], None).await;
        provoked.statement(world, code, &statement, (422, code)).await;
    }
    let two = plain(&[]);
    let mut manifest = claimed("1.0.0", &two);
    let mut second = manifest.artifacts[0].clone();
    second.name.push('2');
    manifest.artifacts.push(second);
    let statement = tarballs::prepare(world, owner, &manifest, &[&two], None).await;
    provoked.statement(world, "two tarballs", &statement, (422, "artifact_count")).await;
    // A tarball that says another name or version than its id is another release.
    for other in [
        only(&package_json("1.0.1", "")),
        only("{\"name\":\"@acme.localhost/other\",\"version\":\"1.0.0\"}"),
        fields(",\"dependencies\":{\"a\":\"1\"}"),
    ] {
        let manifest = claimed("1.0.0", &other);
        let statement = tarballs::prepare(world, owner, &manifest, &[&other], None).await;
        provoked.statement(world, "another release", &statement, (422, "manifest_differs")).await;
    }
    // Just within the limits it is published.
    let most: Vec<Vec<u8>> = (0..19).map(|n| file(&format!("package/{n}"))).collect();
    let good = with(&package_json("1.0.0", &nested(deedbox_npm::limits::FIELD_DEPTH)), &most);
    let statement = tarballs::prepare(world, owner, &inspected(&good), &[&good], None).await;
    world.must_append(&statement).await;
    assert!(world.text("/npm/@acme.localhost%2fwidget").await.contains("\"1.0.0\""));
    assert_eq!(statement.package().unwrap().as_str(), tarballs::ID);
}
