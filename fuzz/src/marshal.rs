//! A reader of Ruby's Marshal format 4.8 (Ruby, doc/marshal.rdoc), for what the writer under test writes. Takes every byte, or
//! there is none.

/// A value, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ruby {
    Nil,
    Bool(bool),
    Int(u64),
    /// A String in the encoding that its `E` says.
    Text(String),
    Symbol(String),
    List(Vec<Ruby>),
    Map(Vec<(Ruby, Ruby)>),
    /// Of a class, with its instance variables.
    Object(String, Vec<(String, Ruby)>),
    /// Of a class, as it dumped itself into a value.
    Made(String, Box<Ruby>),
    /// Of a class, as it dumped itself into bytes.
    Dumped(String, Vec<u8>),
}

impl Ruby {
    /// A whole stream.
    pub fn read(bytes: &[u8]) -> Option<Ruby> {
        let mut reader = Reader { rest: bytes.strip_prefix(&[4, 8])?, symbols: Vec::new() };
        let value = reader.value()?;
        reader.rest.is_empty().then_some(value)
    }

    pub fn list(&self) -> &[Ruby] {
        match self {
            Ruby::List(list) => list,
            other => panic!("{other:?} is not an array"),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Ruby::Text(text) => text,
            other => panic!("{other:?} is not a String"),
        }
    }

    /// Of a Gem::Version.
    pub fn version(&self) -> &str {
        match self {
            Ruby::Made(class, value) if class == "Gem::Version" => value.list()[0].text(),
            other => panic!("{other:?} is not a Gem::Version"),
        }
    }

    /// Of a Gem::Requirement: `>= 1, < 2`.
    pub fn requirement(&self) -> String {
        match self {
            Ruby::Made(class, value) if class == "Gem::Requirement" => {
                let wants = value.list()[0].list().iter();
                wants.map(|pair| format!("{} {}", pair.list()[0].text(), pair.list()[1].version())).collect::<Vec<_>>().join(", ")
            }
            other => panic!("{other:?} is not a Gem::Requirement"),
        }
    }

    /// An instance variable.
    pub fn get(&self, name: &str) -> &Ruby {
        match self {
            Ruby::Object(_, fields) => fields.iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap(),
            other => panic!("{other:?} is not an object"),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    symbols: Vec<String>,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes.to_vec())
    }

    fn number(&mut self) -> Option<u64> {
        match self.byte()? {
            0 => Some(0),
            length @ 1..=4 => (0..length).try_fold(0, |n, at| Some(n | u64::from(self.byte()?) << (8 * at))),
            small @ 6..=127 => Some(u64::from(small) - 5),
            _ => None,
        }
    }

    fn symbol(&mut self) -> Option<String> {
        match self.byte()? {
            b':' => {
                let symbol = String::from_utf8(self.bytes()?).ok()?;
                assert!(!self.symbols.contains(&symbol), "{symbol} is named twice");
                self.symbols.push(symbol.clone());
                Some(symbol)
            }
            b';' => {
                let at = usize::try_from(self.number()?).ok()?;
                self.symbols.get(at).cloned()
            }
            _ => None,
        }
    }

    fn value(&mut self) -> Option<Ruby> {
        Some(match *self.rest.first()? {
            b':' | b';' => Ruby::Symbol(self.symbol()?),
            kind => {
                self.byte()?;
                match kind {
                    b'0' => Ruby::Nil,
                    b'T' => Ruby::Bool(true),
                    b'F' => Ruby::Bool(false),
                    b'i' => Ruby::Int(self.number()?),
                    b'[' => Ruby::List((0..self.number()?).map(|_| self.value()).collect::<Option<_>>()?),
                    b'{' => Ruby::Map((0..self.number()?).map(|_| Some((self.value()?, self.value()?))).collect::<Option<_>>()?),
                    b'"' => Ruby::Text(String::from_utf8(self.bytes()?).ok()?),
                    b'o' => Ruby::Object(self.symbol()?, self.fields()?),
                    b'U' => Ruby::Made(self.symbol()?, Box::new(self.value()?)),
                    b'u' => Ruby::Dumped(self.symbol()?, self.bytes()?),
                    // A value, and instance variables of it: a String's encoding, a Time's zone.
                    b'I' => {
                        let value = self.value()?;
                        assert!(self.fields()?.iter().all(|(name, value)| match name.as_str() {
                            "E" => matches!(value, Ruby::Bool(_)),
                            "zone" => value.text() == "UTC",
                            _ => false,
                        }));
                        value
                    }
                    _ => return None,
                }
            }
        })
    }

    fn fields(&mut self) -> Option<Vec<(String, Ruby)>> {
        (0..self.number()?).map(|_| Some((self.symbol()?, self.value()?))).collect()
    }
}
