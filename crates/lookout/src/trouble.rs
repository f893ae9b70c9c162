//! Why a look saw nothing that can be used, in words that a claimant can act on: what was looked for, what was there instead. Text that came
//! from the network is shown without control characters and shortened.

use crate::limits;
use deedbox_dnssec::Name;
use deedbox_model::Domain;
use std::net::{IpAddr, SocketAddr};

/// A look that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// DNS answers, and there is no such record.
    #[error("there is no {kind} record at {name}: {why}")]
    NothingThere {
        /// The type of the record.
        kind: &'static str,
        /// Where it was looked for.
        name: Name,
        /// What DNS says instead.
        why: &'static str,
    },
    /// The name is an alias, and none is followed.
    #[error("{name} is an alias (CNAME) of {target}. Aliases are not followed: remove it, and put the TXT record at {name} itself")]
    Alias {
        /// Where the record was looked for.
        name: Name,
        /// Where the alias leads.
        target: String,
    },
    /// More values than are looked at.
    #[error("there are {there} TXT records at {name}; at most {} are looked at. Remove those of old claims", limits::VALUES)]
    ManyValues {
        /// Where they are.
        name: Name,
        /// How many.
        there: usize,
    },
    /// The resolver cannot answer.
    #[error(
        "the resolver {resolver} answers {code} to the question for {kind} at {name}. The name servers of that domain may be wrong or down"
    )]
    Failed {
        /// Who was asked.
        resolver: SocketAddr,
        /// The type that was asked for.
        kind: &'static str,
        /// The name that was asked for.
        name: Name,
        /// Its code: `SERVFAIL`, `REFUSED`, …
        code: String,
    },
    /// The resolver says nothing.
    #[error("the resolver {resolver} gives no answer to the question for {kind} at {name}: {why}")]
    NoAnswer {
        /// Who was asked.
        resolver: SocketAddr,
        /// The type that was asked for.
        kind: &'static str,
        /// The name that was asked for.
        name: Name,
        /// What the network says.
        why: String,
    },
    /// The resolver answers what cannot be an answer to this question.
    #[error("the resolver {resolver} answers the question for {kind} at {name} with something else: {why}")]
    Nonsense {
        /// Who was asked.
        resolver: SocketAddr,
        /// The type that was asked for.
        kind: &'static str,
        /// The name that was asked for.
        name: Name,
        /// What is wrong with it.
        why: String,
    },
    /// A name that no look is made for.
    #[error("{domain} cannot be looked up: {why}")]
    BadName {
        /// The domain.
        domain: Domain,
        /// What is wrong.
        why: String,
    },
    /// The web server is at no public address.
    #[error("{domain} leads to {address}, which is {what} and not a public address. Only public addresses are looked at")]
    NotPublic {
        /// The domain.
        domain: Domain,
        /// The first of its addresses.
        address: IpAddr,
        /// What that is.
        what: &'static str,
    },
    /// No connection.
    #[error("{url} cannot be reached at {address}: {why}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Where: the first address of several.
        address: SocketAddr,
        /// What the network says.
        why: String,
    },
    /// The web server shows a certificate that is not right for the domain.
    #[error("{url} shows a certificate that is not trusted here: {why}")]
    Certificate {
        /// What was asked for.
        url: String,
        /// What TLS says.
        why: String,
    },
    /// The web server sends elsewhere.
    #[error("{url} redirects to {to} (status {status}). Redirects are not followed: serve the file at {url} itself")]
    Redirect {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// Where it points.
        to: String,
    },
    /// Another status than 200.
    #[error("{url} answers with status {status}, and not 200")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// More bytes than are read.
    #[error("{url} has more than {} bytes", limits::PAGE_BYTES)]
    TooLarge {
        /// What was asked for.
        url: String,
    },
    /// The answer broke off.
    #[error("{url}: the answer broke off: {why}")]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// What the network says.
        why: String,
    },
    /// The file is not what it should be.
    #[error(r#"{url} is not a list of claims like {{"claims":["sha256:…"]}}: {why}. It begins with {begins:?}"#)]
    NotClaims {
        /// What was asked for.
        url: String,
        /// What is wrong.
        why: String,
        /// Its first characters.
        begins: String,
    },
    /// The look took longer than it may.
    #[error("looking at {what} took longer than {} seconds, and was given up", .seconds)]
    TooSlow {
        /// What was looked at.
        what: String,
        /// The limit.
        seconds: u64,
    },
}

impl Trouble {
    /// Whether another resolver may do better.
    pub(crate) fn is_the_resolvers(&self) -> bool {
        matches!(self, Trouble::Failed { .. } | Trouble::NoAnswer { .. } | Trouble::Nonsense { .. })
    }

    /// Whether the same look may see more a little later, without anything being changed in between.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Trouble::NothingThere { .. }
                | Trouble::Failed { .. }
                | Trouble::NoAnswer { .. }
                | Trouble::Nonsense { .. }
                | Trouble::Unreachable { .. }
                | Trouble::BrokenOff { .. }
                | Trouble::TooSlow { .. }
        )
    }
}

/// Settings that nothing can be looked at with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    /// No resolver is named, and the system names none.
    #[error("no resolver is set, and {path} names none: {why}. Set the address of a resolver")]
    NoResolver {
        /// Where the system's are named.
        path: &'static str,
        /// What is wrong there.
        why: String,
    },
    /// More resolvers than are asked.
    #[error("{set} resolvers are set; at most {} are asked", limits::RESOLVERS)]
    ManyResolvers {
        /// How many.
        set: usize,
    },
    /// The certificate authorities.
    #[error("the certificates of extra authorities cannot be used: {0}")]
    Roots(String),
}

/// A stranger's words as they may be shown: no control characters, shortened.
pub(crate) fn shown(text: &str) -> String {
    let mut characters = text.chars().filter(|c| !c.is_control());
    let mut shown: String = characters.by_ref().take(limits::SHOWN).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_are_shortened_and_control_nothing() {
        assert_eq!(shown("a\u{1b}[31mb\nc"), "a[31mbc");
        assert_eq!(shown(&"é".repeat(limits::SHOWN)), "é".repeat(limits::SHOWN));
        assert_eq!(shown(&"é".repeat(limits::SHOWN + 1)), format!("{}…", "é".repeat(limits::SHOWN)));
    }
}
