//! Platforms: `Gem::Platform` in the spelling that it prints itself (spec/projections/gem.md §3). `ruby` is none.

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
    /// Reads `cpu-os-version`, `cpu-os` or `os`; none if RubyGems would print it in another way, or does not know it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > PLATFORM_CHARS {
            return None;
        }
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let of = |cpu: Option<&str>, rest: &str| {
            let (os, version) = rest.split_once('-').map_or((rest, None), |(os, version)| (os, Some(version)));
            let (_, suffix) = SYSTEMS.iter().find(|(name, _)| *name == os)?;
            let fits = version.is_none_or(|version| match suffix {
                Suffix::None => false,
                Suffix::Digits => digits(version),
                Suffix::Dotted => version.split('.').all(digits),
                Suffix::Word => word(version),
            });
            fits.then(|| Platform { cpu: cpu.map(str::to_owned), os: os.to_owned(), version: version.map(str::to_owned) })
        };
        let Some((cpu, rest)) = text.split_once('-') else { return of(None, text).filter(|p| !p.os.starts_with("mswin")) };
        // RubyGems prints i386 to i986 as x86.
        let bytes = cpu.as_bytes();
        let is_old_intel = bytes.len() == 4 && bytes.starts_with(b"i") && bytes.ends_with(b"86");
        if !word(cpu) || !cpu.starts_with(|c: char| c.is_ascii_alphabetic()) || is_old_intel {
            return None;
        }
        of(Some(cpu), rest)
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
        ];
        let script = "ARGV.each { |a| p = Gem::Platform.new(a); puts [p.cpu, p.os, p.version, p.to_s].map(&:to_s).join(' ') }";
        let output = std::process::Command::new("ruby").arg("-e").arg(script).args(good).output();
        let output = output.expect("ruby is not on this machine: apt-get install ruby");
        let ours: String = good
            .iter()
            .map(|text| {
                let p = Platform::parse(text).unwrap_or_else(|| panic!("{text}"));
                format!("{} {} {} {text}\n", p.cpu.unwrap_or_default(), p.os, p.version.unwrap_or_default())
            })
            .collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), ours);
        for bad in
            ["", "ruby", "-linux", "x86_64-", "i686-linux", "x86_64-plan9", "2-linux", "x86_64-linux-gnu-2", "x86 64-linux", "mswin32"]
        {
            assert_eq!(Platform::parse(bad), None, "{bad}");
        }
        assert!(Platform::parse("x86_64-linux-gnu").is_some());
    }
}
