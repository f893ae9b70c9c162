//! Platforms: what `Gem::Platform` knows, in the spellings that gemspecs have, and the one that RubyGems shortens them to
//! (spec/projections/gem.md §3). `ruby` means no platform.

use crate::limits::PLATFORM_CHARS;

/// A platform that is not `ruby`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) cpu: Option<String>,
    pub(crate) os: String,
    pub(crate) version: Option<String>,
}

/// What may follow an operating system's name.
enum Suffix {
    None,
    Digits,
    /// Numbers joined by dots.
    Dotted,
    /// Letters, digits and underscores.
    Word,
}

const SYSTEMS: [(&str, Suffix); 20] = [
    ("aix", Suffix::Digits),
    ("cygwin", Suffix::None),
    ("dalvik", Suffix::Digits),
    ("darwin", Suffix::Digits),
    ("dotnet", Suffix::Dotted),
    ("freebsd", Suffix::Digits),
    ("java", Suffix::Dotted),
    ("linux", Suffix::Word),
    ("macruby", Suffix::Dotted),
    ("mingw", Suffix::Word),
    ("mingw32", Suffix::None),
    ("mswin32", Suffix::Digits),
    ("mswin64", Suffix::Digits),
    ("netbsdelf", Suffix::None),
    ("openbsd", Suffix::Dotted),
    ("solaris", Suffix::Dotted),
    ("wasi", Suffix::None),
    ("bitrig", Suffix::Dotted),
    ("hpux", Suffix::Digits),
    ("haiku", Suffix::None),
];

impl Platform {
    /// Reads `cpu-os-version`, `cpu-os` or `os`, the version also without its hyphen (`darwin20`); none if RubyGems does not
    /// know it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > PLATFORM_CHARS {
            return None;
        }
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let of = |cpu: Option<&str>, rest: &str| {
            let (os, version) = rest.split_once('-').map_or((rest, None), |(os, version)| (os, Some(version)));
            let known = |os: &str| SYSTEMS.iter().find(|(name, _)| *name == os);
            // `java` besides, where jruby is its own name for it.
            let os = if os == "jruby" && cpu.is_none() { "java" } else { os };
            let glued = || {
                let (os, version) = SYSTEMS.iter().filter_map(|(name, suffix)| Some((name, suffix, os.strip_prefix(name)?))).find_map(
                    |(name, suffix, version)| {
                        let whole = version.split('.').next().unwrap_or_default();
                        match suffix {
                            Suffix::Digits if digits(whole) && version.split('.').all(digits) => Some((*name, whole)),
                            Suffix::Dotted if version.split('.').all(digits) => Some((*name, version)),
                            _ => None,
                        }
                    },
                )?;
                Some((os, Some(version)))
            };
            let (os, version) = if known(os).is_some() {
                (os, version)
            } else if version.is_none() {
                glued()?
            } else {
                return None;
            };
            let (_, suffix) = known(os)?;
            let fits = version.is_none_or(|version| match suffix {
                Suffix::None => false,
                Suffix::Digits => digits(version),
                Suffix::Dotted => version.split('.').all(digits),
                Suffix::Word => word(version),
            });
            fits.then(|| Platform { cpu: cpu.map(str::to_owned), os: os.to_owned(), version: version.map(str::to_owned) })
        };
        let Some((cpu, rest)) = text.split_once('-') else { return of(None, text).filter(|p| p.os != "mswin64") };
        if !word(cpu) || !cpu.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        of(Some(cpu), rest)
    }

    /// As RubyGems before 3.3.22 prints it, and later ones in all but `gnu`: what it names files by.
    pub(crate) fn short(&self) -> String {
        let parts = [self.short_cpu(), Some(self.os.as_str()), self.version.as_deref().filter(|version| !self.is_gnu(version))];
        parts.into_iter().flatten().collect::<Vec<_>>().join("-")
    }

    /// i386 to i986 are x86, and so is what has none and is Windows.
    pub(crate) fn short_cpu(&self) -> Option<&str> {
        match self.cpu.as_deref() {
            Some(cpu)
                if cpu.len() == 4
                    && cpu.starts_with('i')
                    && cpu.ends_with("86")
                    && cpu.as_bytes().get(1).is_some_and(u8::is_ascii_digit) =>
            {
                Some("x86")
            }
            None if self.os == "mswin32" => Some("x86"),
            cpu => cpu,
        }
    }

    /// Linux with the GNU library, which has no name of its own there.
    fn is_gnu(&self, version: &str) -> bool {
        self.os == "linux" && version.starts_with("gnu")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_as_ruby_prints_them() {
        let good = [
            "java",
            "x86_64-linux",
            "x86_64-linux-musl",
            "aarch64-linux",
            "arm64-darwin",
            "arm64-darwin-22",
            "universal-darwin-20",
            "x64-mingw32",
            "x64-mingw-ucrt",
            "x86-mswin32-60",
            "universal-java-1.8",
            "x86-freebsd-13",
            // What is written otherwise than it is printed.
            "i686-linux",
            "i386-mingw32",
            "jruby",
            "x86_64-darwin20",
            "arm64-darwin21",
            "amd64-freebsd13",
            "amd64-freebsd13.1",
            "x86_64-openbsd7.2",
            "mswin32",
            "x86_64-linux-gnu",
            "aarch64-linux-gnu",
            "arm-linux-gnueabihf",
            "arm-linux-musleabihf",
        ];
        // From 3.3.22 on RubyGems keeps the GNU library's name; whatever it keeps, it is ours to leave out.
        let script = "ARGV.each { |a| p = Gem::Platform.new(a); v = p.version.to_s.sub(/\\Agnu.*/, ''); puts [p.cpu, p.os, v, ([p.cpu, p.os, v] - [nil, '']).join('-')].map(&:to_s).join(' ') }";
        let output = std::process::Command::new("ruby").arg("-e").arg(script).args(good).output();
        let output = output.expect("ruby is not on this machine: apt-get install ruby");
        let ours: String = good
            .iter()
            .map(|text| {
                let p = Platform::parse(text).unwrap_or_else(|| panic!("{text}"));
                let version = p.version.as_deref().filter(|version| !p.is_gnu(version)).unwrap_or_default();
                format!("{} {} {version} {}\n", p.short_cpu().unwrap_or_default(), p.os, p.short())
            })
            .collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), ours);
        for bad in [
            "",
            "ruby",
            "-linux",
            "x86_64-",
            "x86_64-plan9",
            "2-linux",
            "x86_64-linux-gnu-2",
            "x86 64-linux",
            "mswin64",
            "x86_64-darwinx",
            "x86_64-darwin2-0",
        ] {
            assert_eq!(Platform::parse(bad), None, "{bad}");
        }
        assert!(Platform::parse("x86_64-linux-gnu").is_some());
    }
}
