//! What builds leave, published with `deedbox publish`: a Maven project, the folder that `mvn deploy` fills, a Gradle project, and a folder in
//! repository layout with everything that a newer Gradle puts there (spec/projections/maven.md §8).

use std::{fs, process::Command};

use deedbox_tests::registry::Said;

use super::bench::{BUILD, Bench, DEPENDENCY, Gradle, fetch, pack_jar, pom, shelf, write_class};

/// What `mvn package` leaves is published from the project, and what `mvn deploy` writes from the folder.
#[test]
fn a_maven_build_is_published_from_its_project_and_from_a_deployed_folder() {
    let bench = Bench::of_debian().unwrap();
    let folder = bench.scratch.path().join("built");
    write_class(&folder, "Built", "built").unwrap();
    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.0", BUILD)).unwrap();
    let path = folder.display().to_string();

    let refused = bench.registry.deedbox(["publish", &path]).unwrap();
    assert!(!refused.ok && refused.err.contains("run mvn package first"), "{}", refused.all());
    bench.mvn(&folder, "build", &["-q", "package"]).unwrap().done().unwrap();
    let said = bench.registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.0 published"), "{}", said.out);
    bench.get("built", "localhost.demo.parts:built:1.0").unwrap().done().unwrap();

    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.1-SNAPSHOT", BUILD)).unwrap();
    bench.mvn(&folder, "build", &["-q", "package"]).unwrap().done().unwrap();
    let said = bench.registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.1-2"), "{}", said.out);

    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.2", BUILD)).unwrap();
    let sources = "org.apache.maven.plugins:maven-source-plugin:3.2.1:jar";
    let deploy = ["-q", "package", sources, "deploy", "-DaltDeploymentRepository=x::default::file:target/repository"];
    bench.mvn(&folder, "build", &deploy).unwrap().done().unwrap();
    let deployed = folder.join("target/repository").display().to_string();
    let said = bench.registry.deedbox(["publish", &deployed]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.2 published"), "{}", said.out);
    // A project that needs it is compiled against the highest of a range, and runs.
    let project = bench.project("uses-built", &["localhost.demo.parts:built:[1.0,)"]).unwrap();
    write_class(&project, "App", "\" + Built.say() + \" in an app").unwrap();
    let run = "\n    public static void main(String[] args) {\n        System.out.println(say());\n    }\n}\n";
    let app = project.join("src/main/java/demo/App.java");
    let text = fs::read_to_string(&app).unwrap();
    fs::write(&app, format!("{}{run}", text.trim_end().strip_suffix('}').unwrap())).unwrap();
    let copy = format!("{DEPENDENCY}:copy-dependencies");
    bench.mvn(&project, "built", &["-C", "-q", "package", &copy]).unwrap().done().unwrap();
    assert!(project.join("target/dependency/built-1.2.jar").is_file());
    let classpath = format!("{0}/target/app-1.jar:{0}/target/dependency/built-1.2.jar", project.display());
    let said = Said::of(Command::new("java").args(["-cp", &classpath, "demo.App"])).unwrap().done().unwrap();
    assert_eq!(said.out, "built in an app\n");
    // With the group's domain unknown and nobody to ask, the words name the ids.
    let said = bench.registry.deedbox(["publish", "--id", "maven:demo.localhost/built", "--dry-run", &deployed]).unwrap();
    assert!(!said.ok && said.err.contains("--id maven:demo.localhost/parts/built"), "{}", said.all());
}

#[test]
fn gradle_4_4_resolves_and_publishes() {
    let registry = shelf().unwrap();
    let gradle = Gradle::of_debian().unwrap();
    let app = gradle.project("app", "localhost.demo:left:[1.0,2.0)").unwrap();
    registry.deedbox(["setup", "gradle", "--domain", "demo.localhost", "--dir", &app.display().to_string()]).unwrap().done().unwrap();
    gradle.run(&app, "home", &["fetch"]).unwrap().done().unwrap();
    assert!(app.join("build/wanted/left-1.1.jar").is_file());

    let library = gradle.scratch.path().join("library");
    fs::create_dir_all(&library).unwrap();
    // Debian's Gradle lacks what publishes into a folder: a task puts the same files where it would.
    let script = "apply plugin: 'java'\napply plugin: 'maven-publish'\ngroup = 'localhost.demo'\nversion = '1.0'\n\
                  publishing {\n    publications { library(MavenPublication) { from components.java } }\n}\n\
                  task stage(type: Copy) {\n    dependsOn jar, 'generatePomFileForLibraryPublication'\n    \
                  into \"$buildDir/repo/localhost/demo/gradled/1.0\"\n    from jar\n    \
                  from(\"$buildDir/publications/library/pom-default.xml\") { rename { 'gradled-1.0.pom' } }\n}\n";
    fs::write(library.join("build.gradle"), script).unwrap();
    fs::write(library.join("settings.gradle"), "rootProject.name = 'gradled'\n").unwrap();
    let path = library.display().to_string();
    let refused = registry.deedbox(["publish", &path]).unwrap();
    assert!(!refused.ok && refused.err.contains("run gradle publish"), "{}", refused.all());
    gradle.run(&library, "home", &["stage"]).unwrap().done().unwrap();
    let said = registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/gradled@1.0 published"), "{}", said.out);
}

/// What `maven-publish` of a Gradle since 6 leaves in a folder, file by file; Debian's is too old to make the module itself.
#[test]
fn a_gradle_folder_with_a_module_sources_and_javadoc_is_published_whole() {
    let registry = shelf().unwrap();
    let gradle = Gradle::of_debian().unwrap();
    let project = gradle.scratch.path().join("modern");
    let folder = project.join("build/repo/localhost/demo/modern/1.0");
    fs::create_dir_all(&folder).unwrap();
    fs::write(project.join("build.gradle.kts"), "plugins { `java-library`; `maven-publish` }\n").unwrap();
    let marked = "  <!-- do_not_remove: published-with-gradle-metadata -->\n";
    fs::write(folder.join("modern-1.0.pom"), pom("localhost.demo", "modern", "1.0", marked)).unwrap();
    for (tail, says) in [("", "modern"), ("-sources", "its sources"), ("-javadoc", "its words")] {
        pack_jar(&folder.join(format!("modern-1.0{tail}.jar")), says.as_bytes()).unwrap();
    }
    let module = serde_json::json!({
        "formatVersion": "1.1",
        "component": { "group": "localhost.demo", "module": "modern", "version": "1.0", "attributes": { "org.gradle.status": "release" } },
        "createdBy": { "gradle": { "version": "8.5" } },
        "variants": [{
            "name": "apiElements",
            "attributes": { "org.gradle.category": "library", "org.gradle.usage": "java-api" },
            "files": [{ "name": "modern-1.0.jar", "url": "modern-1.0.jar" }],
        }],
    });
    fs::write(folder.join("modern-1.0.module"), format!("{module:#}\n")).unwrap();
    // Gradle puts a checksum of each kind beside each file, and its own metadata above: the registry makes these.
    for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>() {
        for kind in ["md5", "sha1", "sha256", "sha512"] {
            fs::write(format!("{}.{kind}", entry.display()), "not the registry's").unwrap();
        }
    }
    fs::write(folder.with_file_name("maven-metadata.xml"), "<metadata/>\n").unwrap();

    let said = registry.deedbox(["publish".as_ref(), project.as_os_str()]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/modern@1.0 published"), "{}", said.out);
    for (tail, media_type) in [
        (".pom", "text/xml"),
        (".module", "application/json"),
        (".jar", "application/java-archive"),
        ("-sources.jar", "application/java-archive"),
        ("-javadoc.jar", "application/java-archive"),
    ] {
        let url = format!("{}/maven/localhost/demo/modern/1.0/modern-1.0{tail}", registry.url);
        let (status, headers, bytes) = fetch(&url).unwrap();
        assert_eq!((status, headers["content-type"].as_str()), (200, media_type), "{tail}");
        assert!(bytes == fs::read(folder.join(format!("modern-1.0{tail}"))).unwrap(), "{tail}: other bytes");
        let (status, _, sha1) = fetch(&format!("{url}.sha1")).unwrap();
        assert_eq!((status, sha1.as_slice()), (200, headers["x-checksum-sha1"].as_bytes()), "{tail}");
    }
    // A Gradle that knows no modules reads the POM, and takes what it wants by its classifier.
    let app = gradle.project("app", "localhost.demo:modern:1.0:sources").unwrap();
    registry.deedbox(["setup", "gradle", "--domain", "demo.localhost", "--dir", &app.display().to_string()]).unwrap().done().unwrap();
    gradle.run(&app, "home", &["fetch"]).unwrap().done().unwrap();
    let fetched = fs::read(app.join("build/wanted/modern-1.0-sources.jar")).unwrap();
    assert!(fetched == fs::read(folder.join("modern-1.0-sources.jar")).unwrap());
}
