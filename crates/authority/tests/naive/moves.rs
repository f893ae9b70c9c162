//! The moves of a history: what somebody tries, in words that mean something in every state ("go on from the head", "at the end of the wait").
//! So a move can be left out of a history that fails, and the others still say what they said.

use super::model::Model;
use deedbox_model::Domain;
use deedbox_model::event::Role;
use std::fmt;

/// The domains of the cast: one of them is below another, and one below localhost.
pub(crate) const DOMAINS: [&str; 3] = ["acme.example", "team.acme.example", "demo.localhost"];
/// The packages, each with its own native name.
pub(crate) const PACKAGES: [(&str, &str); 4] = [
    ("npm:acme.example/widget", "widget"),
    ("npm:team.acme.example/tool", "tool"),
    ("npm:labs.team.acme.example/odd", "odd"),
    ("npm:demo.localhost/thing", "thing"),
];
pub(crate) const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "2.0.0", "2.1.0", "3.0.0"];
pub(crate) const CHANNELS: [&str; 2] = ["latest", "next"];
/// Speaks for the registry.
pub(crate) const OPERATOR: u8 = 1;
/// Speaks for another registry.
pub(crate) const OTHER_OPERATOR: u8 = 4;
/// The keys that get grants.
pub(crate) const GRANTEES: [u8; 3] = [20, 21, 22];
/// What can be granted, by the domain that can do it.
pub(crate) const PATTERNS: [&[&str]; 3] = [
    &["npm:acme.example/", "npm:acme.example/widget", "npm:team.acme.example/", "npm:labs.team.acme.example/odd"],
    &["npm:team.acme.example/", "npm:team.acme.example/tool", "npm:team.acme.example/tools/"],
    &["npm:demo.localhost/", "npm:demo.localhost/thing", "gem:demo.localhost/"],
];
/// The keys that domains have.
pub(crate) const KEYS: [u8; 6] = [10, 11, 12, 13, 14, 15];

pub(crate) fn domain(d: usize) -> Domain {
    Domain::parse(DOMAINS[d]).unwrap()
}

/// One try.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) what: What,
    pub(crate) when: When,
    /// The number of the key that signs.
    pub(crate) by: u8,
    pub(crate) prev: Prev,
    pub(crate) under: Under,
    pub(crate) fault: Fault,
    /// By which grant of the history, in the order of their ids; one that there is not if they are fewer.
    pub(crate) grant: Option<usize>,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} {:?} {:?}", self.by, self.when, self.what)?;
        if let Some(n) = self.grant {
            write!(f, ", by grant {n}")?;
        }
        if self.prev != Prev::Head {
            write!(f, ", prev {:?}", self.prev)?;
        }
        if self.under != Under::Present {
            write!(f, ", under {:?}", self.under)?;
        }
        if self.fault != Fault::None {
            write!(f, ", {:?}", self.fault)?;
        }
        Ok(())
    }
}

/// The statement's own time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// This long after log time.
    After(u64),
    /// This long before log time.
    Behind(u64),
    /// At the end of a wait, so much before or after it; a second after log time if there is none to come.
    At(Mark, i64),
}

/// The end of a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    OwnerMayThaw(usize),
    OperatorFreezeEnds(usize),
    ContestFreezeEnds(usize),
    RecoveryMayComplete(usize),
    RecoveryEnds(usize),
    ADayBeforeRecoveryEnds(usize),
    HeldUntil(usize),
    TakenAWeekAgo(usize, u8),
    TakenAMonthAgo(usize, u8),
    HandedOverAWeekAgo(usize),
    GrantEnds(usize),
    KeyBegins(usize, u8),
    KeyEnds(usize, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prev {
    Head,
    /// So many events before the head.
    Older(usize),
    /// The head of another chain.
    OtherChain,
    None,
    /// The id of nothing.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Under {
    Present,
    /// The first event of the domain's chain.
    First,
    /// The head of the domain's chain.
    Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The signature is another.
    Forged,
    /// It is for another registry.
    Elsewhere,
}

/// A key of a domain; its times are counted from the statement's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) n: u8,
    pub(crate) role: Role,
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
}

impl Key {
    pub(crate) fn of(n: u8, role: Role) -> Self {
        Key { n, role, from: None, until: None }
    }
}

/// The ground of a claim or a recovery.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ground {
    Localhost,
    Operator,
    Dns(Look),
    Https(Look),
    Dnssec(Look),
}

/// A look at a domain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// So long before the statement; less than 0: after it.
    pub(crate) ago: i64,
    pub(crate) shows: Shows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// What its class asks for.
    Right,
    /// Records of another domain.
    OtherDomain,
    /// Another record; or that the domain is signed, where it should not be.
    Wrong,
    /// The right records of two days before.
    Stale,
}

/// How long an acceptance serves, from the statement's time on.
pub(crate) type Serves = i64;

#[derive(Debug, Clone)]
pub(crate) enum What {
    Create {
        protocol: u64,
        parameters: Vec<u8>,
        anchored: bool,
    },
    Rules {
        protocol: u64,
        parameters: Vec<u8>,
        anchored: bool,
    },
    Suffixes {
        put: Vec<&'static str>,
        removed: Vec<&'static str>,
    },
    Claim {
        d: usize,
        keys: Vec<Key>,
        ground: Ground,
        serves: Serves,
    },
    Keys {
        d: usize,
        put: Vec<Key>,
        removed: Vec<u8>,
        keys_only: Option<bool>,
    },
    Freeze {
        d: usize,
        registry: bool,
    },
    Thaw {
        d: usize,
        registry: bool,
    },
    Transfer {
        d: usize,
        keys: Vec<Key>,
        serves: Serves,
    },
    Release {
        d: usize,
    },
    Open {
        d: usize,
        keys: Vec<Key>,
        ground: Ground,
        serves: Serves,
    },
    Contest {
        d: usize,
        which: Which,
    },
    Complete {
        d: usize,
        which: Which,
        ground: Ground,
    },
    /// What it may do: each action by its bit.
    Grant {
        d: usize,
        to: u8,
        ids: Vec<&'static str>,
        actions: usize,
        until: Option<i64>,
    },
    Revoke {
        d: usize,
        grant: usize,
    },
    /// The domain that speaks is the first number, if it is not the owner.
    Publish {
        p: usize,
        speaker: Option<usize>,
        version: usize,
        native_version: usize,
        native_name: &'static str,
        channels: Vec<usize>,
    },
    Yank {
        p: usize,
        version: usize,
    },
    Unyank {
        p: usize,
        version: usize,
    },
    Deprecate {
        p: usize,
        version: usize,
        notice: bool,
    },
    SetChannel {
        p: usize,
        channel: usize,
        version: usize,
    },
    RemoveChannel {
        p: usize,
        channel: usize,
    },
    /// The bytes that were sent so many moves ago.
    Again {
        ago: usize,
    },
    /// Bytes that are not a statement.
    Garbage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    TheLast,
    None,
    /// The head of the domain's chain, whatever it is.
    TheHead,
}

impl What {
    /// The domain that it is about, if it is about one.
    pub(crate) fn domain(&self) -> Option<usize> {
        match self {
            What::Claim { d, .. }
            | What::Keys { d, .. }
            | What::Freeze { d, .. }
            | What::Thaw { d, .. }
            | What::Transfer { d, .. }
            | What::Release { d }
            | What::Open { d, .. }
            | What::Contest { d, .. }
            | What::Complete { d, .. }
            | What::Grant { d, .. }
            | What::Revoke { d, .. } => Some(*d),
            _ => None,
        }
    }
    /// The package that it is about, if it is about one.
    pub(crate) fn package(&self) -> Option<usize> {
        match self {
            What::Publish { p, .. }
            | What::Yank { p, .. }
            | What::Unyank { p, .. }
            | What::Deprecate { p, .. }
            | What::SetChannel { p, .. }
            | What::RemoveChannel { p, .. } => Some(*p),
            _ => None,
        }
    }
}

impl Mark {
    /// When it is, if it is to come.
    pub(crate) fn at(self, model: &Model) -> Option<u64> {
        use super::model::days;
        let holding = |d: usize| model.domains.get(&domain(d));
        let key = |d: usize, n: u8| holding(d)?.key(super::cast::id(n));
        let taken = |d: usize, n: u8| holding(d)?.story_of_this_tenure(super::cast::id(n))?.1;
        match self {
            Mark::OwnerMayThaw(d) => Some(holding(d)?.owner_freeze?.at + days(&domain(d), 3)),
            Mark::OperatorFreezeEnds(d) => holding(d)?.operator_freeze?.until,
            Mark::ContestFreezeEnds(d) => holding(d)?.contest_freeze?.until,
            Mark::RecoveryMayComplete(d) => Some(holding(d)?.recovery.as_ref()?.wait_ends(&domain(d))),
            Mark::RecoveryEnds(d) => Some(holding(d)?.recovery.as_ref()?.ends(&domain(d))),
            Mark::HeldUntil(d) => Some(holding(d)?.tenure.at + days(&domain(d), 30)),
            Mark::ADayBeforeRecoveryEnds(d) => Mark::RecoveryEnds(d).at(model)?.checked_sub(days(&domain(d), 1)),
            Mark::TakenAWeekAgo(d, n) => Some(taken(d, n)?.at + days(&domain(d), 7)),
            Mark::TakenAMonthAgo(d, n) => Some(taken(d, n)?.at + days(&domain(d), 30)),
            Mark::HandedOverAWeekAgo(d) => Some(holding(d)?.before.as_ref()?.at + days(&domain(d), 7)),
            Mark::GrantEnds(n) => model.grants.values().nth(n)?.until,
            Mark::KeyBegins(d, n) => Some(key(d, n)?.from?.as_ms()),
            Mark::KeyEnds(d, n) => Some(key(d, n)?.until?.as_ms()),
        }
    }
}
