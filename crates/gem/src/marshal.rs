//! A writer of Ruby's Marshal format 4.8 (Ruby, doc/marshal.rdoc) for what a gem server says: specifications and lists
//! of them, made of the classes that RubyGems' SafeMarshal permits. It reads nothing.

use crate::platform::Platform;
use crate::spec::{Constraint, Dependency, Spec};
use deedbox_model::Utc;

/// One stream, with the symbols that it has named.
struct Writer {
    out: Vec<u8>,
    symbols: Vec<&'static str>,
}

/// A gem in a list: name, version, platform.
pub(crate) type Tuple<'a> = (&'a str, &'a str, Option<&'a str>);

/// `specs.4.8`: an array of `[name, Gem::Version, platform]`.
pub(crate) fn tuples(tuples: &[Tuple<'_>]) -> Vec<u8> {
    let mut w = Writer::new();
    w.array(tuples.len());
    for (name, version, platform) in tuples {
        w.array(3);
        w.text(name);
        w.version(version);
        w.text(platform.unwrap_or("ruby"));
    }
    w.out
}

/// A `Gem::Specification`, dated to the day on which it was published.
pub(crate) fn specification(spec: &Spec, day: Utc) -> Vec<u8> {
    let mut inner = Writer::new();
    inner.fields(spec, day);
    let mut w = Writer::new();
    // What the class dumps itself: a stream of its own.
    w.out.push(b'u');
    w.symbol("Gem::Specification");
    w.bytes(&inner.out);
    w.out
}

impl Writer {
    fn new() -> Self {
        Writer { out: vec![4, 8], symbols: Vec::new() }
    }

    /// The order and number of `Gem::Specification#_dump`, version 4.
    fn fields(&mut self, spec: &Spec, day: Utc) {
        self.array(19);
        self.text(&spec.built_by);
        self.integer(4);
        self.text(&spec.name);
        self.version(&spec.version);
        self.day(day);
        self.text_or_nil(spec.summary.as_deref());
        self.requirement(&spec.ruby);
        self.requirement(&spec.rubygems);
        self.text(spec.platform.as_deref().unwrap_or("ruby"));
        self.array(spec.dependencies.len());
        for dependency in &spec.dependencies {
            self.dependency(dependency);
        }
        self.text("");
        self.texts(&spec.email);
        self.texts(&spec.authors);
        self.text_or_nil(spec.description.as_deref());
        self.text_or_nil(spec.homepage.as_deref());
        self.out.push(b'T');
        match spec.platform.as_deref().and_then(Platform::parse) {
            None => self.text("ruby"),
            Some(platform) => self.platform(&platform),
        }
        self.texts(&spec.licenses);
        self.out.push(b'{');
        self.integer_bytes(spec.metadata.len());
        for (key, value) in &spec.metadata {
            self.text(key);
            self.text(value);
        }
    }

    fn dependency(&mut self, dependency: &Dependency) {
        self.out.push(b'o');
        self.symbol("Gem::Dependency");
        self.integer_bytes(5);
        self.symbol("@name");
        self.text(&dependency.name);
        self.symbol("@requirement");
        self.requirement(&dependency.wants);
        self.symbol("@type");
        self.symbol(if dependency.development { "development" } else { "runtime" });
        self.symbol("@prerelease");
        self.out.push(if dependency.prerelease { b'T' } else { b'F' });
        self.symbol("@version_requirements");
        self.requirement(&dependency.wants);
    }

    fn platform(&mut self, platform: &Platform) {
        self.out.push(b'o');
        self.symbol("Gem::Platform");
        self.integer_bytes(3);
        self.symbol("@cpu");
        self.text_or_nil(platform.short_cpu());
        self.symbol("@os");
        self.text(&platform.os);
        self.symbol("@version");
        self.text_or_nil(platform.version.as_deref());
    }

    fn requirement(&mut self, wants: &[Constraint]) {
        self.out.push(b'U');
        self.symbol("Gem::Requirement");
        self.array(1);
        self.array(wants.len());
        for constraint in wants {
            self.array(2);
            self.text(&constraint.op);
            self.version(&constraint.version);
        }
    }

    fn version(&mut self, version: &str) {
        self.out.push(b'U');
        self.symbol("Gem::Version");
        self.array(1);
        self.text(version);
    }

    /// `Time#_dump`: midnight in UTC.
    fn day(&mut self, day: Utc) {
        let part = |number: u64| u32::try_from(number).unwrap_or(0);
        let years = part(day.year.saturating_sub(1900)) & 0xffff;
        let high = 1 << 31 | 1 << 30 | years << 14 | part(day.month.saturating_sub(1)) << 10 | part(day.day) << 5;
        self.out.extend(b"Iu");
        self.symbol("Time");
        self.integer_bytes(8);
        self.out.extend(high.to_le_bytes());
        self.out.extend([0; 4]);
        self.integer_bytes(1);
        self.symbol("zone");
        // US-ASCII, as Ruby has the names of zones.
        self.out.extend(b"I\"");
        self.bytes(b"UTC");
        self.integer_bytes(1);
        self.symbol("E");
        self.out.push(b'F');
    }

    fn texts(&mut self, texts: &[String]) {
        self.array(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn text_or_nil(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.out.push(b'0'),
        }
    }

    /// A String in UTF-8.
    fn text(&mut self, text: &str) {
        self.out.extend(b"I\"");
        self.bytes(text.as_bytes());
        self.integer_bytes(1);
        self.symbol("E");
        self.out.push(b'T');
    }

    fn symbol(&mut self, name: &'static str) {
        match self.symbols.iter().position(|seen| *seen == name) {
            Some(at) => {
                self.out.push(b';');
                self.integer_bytes(at);
            }
            None => {
                self.symbols.push(name);
                self.out.push(b':');
                self.bytes(name.as_bytes());
            }
        }
    }

    fn array(&mut self, length: usize) {
        self.out.push(b'[');
        self.integer_bytes(length);
    }

    fn integer(&mut self, n: usize) {
        self.out.push(b'i');
        self.integer_bytes(n);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.integer_bytes(bytes.len());
        self.out.extend(bytes);
    }

    /// Ruby's own packing of a number from 0 on.
    fn integer_bytes(&mut self, n: usize) {
        match n {
            0 => self.out.push(0),
            1..=122 => self.out.push(u8::try_from(n).unwrap_or(0) + 5),
            _ => {
                let bytes: Vec<u8> = n.to_le_bytes().into_iter().take(4).collect();
                let length = bytes.iter().rposition(|b| *b != 0).unwrap_or(0) + 1;
                self.out.push(u8::try_from(length).unwrap_or(4));
                self.out.extend(bytes.into_iter().take(length));
            }
        }
    }
}
