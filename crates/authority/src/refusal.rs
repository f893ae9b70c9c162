//! Refusals in domain words (spec/authority.md §5). Each has a stable code; the order in which the decider looks for
//! them is part of the specification, so that everybody names the same reason for a void entry.

use crate::limits::MAX_BEHIND_MS;
use deedbox_model::limits::{ACCEPTANCE_MS, DOMAIN_KEYS, RECOVERY_KEY_DAYS};
use deedbox_model::said;
use deedbox_model::time::{DAY_MS, span};
use deedbox_model::{Channel, Domain, EventId, KeyId, NativeName, NativeVersion, Origin, PackageId, SuffixRule, TimeMs, Version};

/// Why a statement has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant says itself in words below")]
pub enum Refusal {
    #[error("this is not a statement of the protocol in force: {0}")]
    Undecodable(String),
    #[error("registry.created is the first entry of a log, and cannot be a later one")]
    NotTheBeginning,
    #[error("the statement was made for the registry {found}, this one is {origin}: sign it again with this registry's origin as audience")]
    OtherAudience { found: Origin, origin: Origin },
    #[error("this statement is entry {index} already")]
    AlreadyLogged { index: u64 },
    #[error(
        "the statement's time {time} is more than {behind} behind log time {log_time}: set this machine's clock and sign it again",
        time = time.to_rfc3339(), behind = span(MAX_BEHIND_MS), log_time = log_time.to_rfc3339()
    )]
    TooOld { time: TimeMs, log_time: TimeMs },
    #[error("nobody has claimed {0} or a domain above it: claim it first, with deedbox claim")]
    NotClaimed(Domain),
    #[error("{speaker} does not speak for packages under {domain}: {owner} does")]
    NotTheOwner { speaker: Domain, domain: Domain, owner: Domain },
    #[error("{domain} is held under event {tenure}, not under the one that the statement names: sign it again under that one")]
    OtherTenure { domain: Domain, tenure: EventId },
    #[error("the signing key is not one of {0}'s keys: ask its owner to add it, or sign with a key that is")]
    KeyNotAuthorised(String),
    #[error("the signing key may not do this for {0} now: its role or its time does not allow it")]
    KeyMayNot(Domain),
    #[error("the signature does not verify (Ed25519, strict): sign it again")]
    BadSignature,
    #[error(
        "the statement continues {}, but the last event of {subject} is {}: look at what changed, and sign it again on top of that",
        or_none(found),
        or_none(head)
    )]
    StalePrev { subject: String, found: Option<EventId>, head: Option<EventId> },
    #[error("{0} is claimed already")]
    AlreadyClaimed(Domain),
    #[error("{0} is below localhost exactly if its evidence is \"localhost\"")]
    WrongEvidence(Domain),
    #[error("{by} has published under {domain}: a claim of its own needs that owner's consent, which this protocol cannot express yet")]
    SubdomainInUse { domain: Domain, by: Domain },
    #[error("{0} is a public suffix, under which anybody can have a domain: claim your own domain below it")]
    PublicSuffix(Domain),
    #[error(
        "the claimant's acceptance of {domain} is good until {until}, which is {}: make a new one",
        if until < log_time { "past" } else { said!("more than {} days ahead", ACCEPTANCE_MS / DAY_MS) },
        until = until.to_rfc3339()
    )]
    AcceptanceNotNow { domain: Domain, until: TimeMs, log_time: TimeMs },
    #[error(
        "{0} cannot be claimed by what DNS or HTTPS shows: this registry has no public suffix list in force or no anchors of DNS in its rules; its operator puts them there"
    )]
    NoGround(Domain),
    #[error("what was seen of {domain} at {at} is not from the hour before the statement: look again", at = at.to_rfc3339())]
    SightTooOld { domain: Domain, at: TimeMs },
    #[error("the records of DNS in the claim of {domain} do not show what they should: {why}")]
    NotShown { domain: Domain, why: String },
    #[error("{domain} has no key {key}")]
    NoSuchKey { domain: Domain, key: KeyId },
    #[error("the key {key} of {domain} has this role and these times already")]
    KeyUnchanged { domain: Domain, key: KeyId },
    #[error("{0} would have more than {max} keys: remove some that are not needed any more", max = DOMAIN_KEYS)]
    TooManyKeys(Domain),
    #[error("{0} would have no admin key that can be used now, and nobody could change its keys again: keep one")]
    NoAdminLeft(Domain),
    #[error("{domain} has no grant {grant} under its present tenure")]
    NoSuchGrant { domain: Domain, grant: EventId },
    #[error("the grant {grant} of {domain} is over: ask the holder of {domain} for another one")]
    GrantOver { domain: Domain, grant: EventId },
    #[error("the grant {grant} is not for this: {action} of {id}")]
    NotGranted { id: PackageId, grant: EventId, action: &'static str },
    #[error("the holder of {0} gave it up: nobody speaks for it until somebody claims it again, with deedbox claim")]
    Released(Domain),
    #[error("{0} is frozen: its holder or the registry's operator thaws it, with deedbox thaw")]
    Frozen(Domain),
    #[error("{0} is frozen already by its own word")]
    AlreadyFrozen(Domain),
    #[error("{0} is not frozen by the one who would thaw it")]
    NotFrozen(Domain),
    #[error("{id} was there before {domain} changed hands without its last holder's word: releases and channels of it wait until {until}", until = until.to_rfc3339())]
    Held { id: PackageId, domain: Domain, until: TimeMs },
    #[error("a recovery key of {0} has to say this: sign it with one")]
    RecoveryKeyNeeded(Domain),
    #[error("a recovery key that an admin key gives to {domain} begins {} days later, not before {earliest}: give it a beginning", RECOVERY_KEY_DAYS, earliest = earliest.to_rfc3339())]
    RecoveryTooSoon { domain: Domain, earliest: TimeMs },
    #[error("only keys decide about {0}, and it would have no recovery key left: keep one, or end that rule first")]
    NoRecoveryKey(Domain),
    #[error("only keys decide about {0}: its holder chose that no evidence and no operator gives it to anybody")]
    KeysOnly(Domain),
    #[error("a recovery of {0} is open: contest it, or wait until it is over")]
    RecoveryOpen(Domain),
    #[error("no such recovery of {0} is open")]
    NoRecovery(Domain),
    #[error("{0} was claimed on evidence that was seen, and the operator's word alone does not give it to anybody else")]
    WeakerEvidence(Domain),
    #[error("the signing key cannot contest this for {0}: it had no say there, or it is too late")]
    MayNotContest(Domain),
    #[error("this recovery of {0} is contested already")]
    AlreadyContested(Domain),
    #[error("this can be said of {domain} from {from} on", from = from.to_rfc3339())]
    TooSoon { domain: Domain, from: TimeMs },
    #[error("{id}@{version} exists already: a version never names other bytes; publish another version")]
    VersionExists { id: PackageId, version: Version },
    #[error("{id} has a version whose native form is {native_version} already ({version}): publish another version")]
    NativeVersionTaken { id: PackageId, native_version: NativeVersion, version: Version },
    #[error("the native name {native_name} belongs to {holder}: choose another name")]
    NativeNameTaken { native_name: NativeName, holder: PackageId },
    #[error("the native name of {id} is {native_name} and stays so")]
    NativeNameChanged { id: PackageId, native_name: NativeName },
    #[error("{id} has no version {version}")]
    NoSuchRelease { id: PackageId, version: Version },
    #[error("{id}@{version} is yanked already")]
    AlreadyYanked { id: PackageId, version: Version },
    #[error("{id}@{version} is not yanked")]
    NotYanked { id: PackageId, version: Version },
    #[error("{id}@{version} has no deprecation notice to remove")]
    NotDeprecated { id: PackageId, version: Version },
    #[error("channel {channel} of {id} points at {version} already")]
    ChannelUnchanged { id: PackageId, channel: Channel, version: Version },
    #[error("{id} has no channel {channel}")]
    NoSuchChannel { id: PackageId, channel: Channel },
    #[error("protocol {found} is not newer than the one in force, {in_force}")]
    ProtocolNotNewer { found: u64, in_force: u64 },
    #[error("these are not parameters of protocol {protocol}: {why}")]
    UnknownParameters { protocol: u64, why: String },
    #[error("these rules are in force already")]
    RulesUnchanged,
    #[error("the rule {0} of the public suffix list is in force already")]
    SuffixUnchanged(SuffixRule),
    #[error("the rule {0} of the public suffix list is not in force")]
    NoSuchSuffix(SuffixRule),
}

fn or_none(id: &Option<EventId>) -> String {
    id.map_or_else(|| "nothing".to_owned(), |id| id.to_hex())
}

impl Refusal {
    /// The stable code, as it is answered and as a void entry's row holds it.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Undecodable(_) => "undecodable",
            Refusal::NotTheBeginning => "not_the_beginning",
            Refusal::OtherAudience { .. } => "other_audience",
            Refusal::AlreadyLogged { .. } => "already_logged",
            Refusal::TooOld { .. } => "too_old",
            Refusal::NotClaimed(_) => "not_claimed",
            Refusal::NotTheOwner { .. } => "not_the_owner",
            Refusal::OtherTenure { .. } => "other_tenure",
            Refusal::KeyNotAuthorised(_) => "key_not_authorised",
            Refusal::KeyMayNot(_) => "key_may_not",
            Refusal::BadSignature => "bad_signature",
            Refusal::StalePrev { .. } => "stale_prev",
            Refusal::AlreadyClaimed(_) => "already_claimed",
            Refusal::WrongEvidence(_) => "wrong_evidence",
            Refusal::SubdomainInUse { .. } => "subdomain_in_use",
            Refusal::PublicSuffix(_) => "public_suffix",
            Refusal::AcceptanceNotNow { .. } => "acceptance_not_now",
            Refusal::NoGround(_) => "no_ground",
            Refusal::SightTooOld { .. } => "sight_too_old",
            Refusal::NotShown { .. } => "not_shown",
            Refusal::NoSuchKey { .. } => "no_such_key",
            Refusal::KeyUnchanged { .. } => "key_unchanged",
            Refusal::TooManyKeys(_) => "too_many_keys",
            Refusal::NoAdminLeft(_) => "no_admin_left",
            Refusal::NoSuchGrant { .. } => "no_such_grant",
            Refusal::GrantOver { .. } => "grant_over",
            Refusal::NotGranted { .. } => "not_granted",
            Refusal::Released(_) => "released",
            Refusal::Frozen(_) => "frozen",
            Refusal::AlreadyFrozen(_) => "already_frozen",
            Refusal::NotFrozen(_) => "not_frozen",
            Refusal::Held { .. } => "held",
            Refusal::RecoveryKeyNeeded(_) => "recovery_key_needed",
            Refusal::RecoveryTooSoon { .. } => "recovery_too_soon",
            Refusal::NoRecoveryKey(_) => "no_recovery_key",
            Refusal::KeysOnly(_) => "keys_only",
            Refusal::RecoveryOpen(_) => "recovery_open",
            Refusal::NoRecovery(_) => "no_recovery",
            Refusal::WeakerEvidence(_) => "weaker_evidence",
            Refusal::MayNotContest(_) => "may_not_contest",
            Refusal::AlreadyContested(_) => "already_contested",
            Refusal::TooSoon { .. } => "too_soon",
            Refusal::VersionExists { .. } => "version_exists",
            Refusal::NativeVersionTaken { .. } => "native_version_taken",
            Refusal::NativeNameTaken { .. } => "native_name_taken",
            Refusal::NativeNameChanged { .. } => "native_name_changed",
            Refusal::NoSuchRelease { .. } => "no_such_release",
            Refusal::AlreadyYanked { .. } => "already_yanked",
            Refusal::NotYanked { .. } => "not_yanked",
            Refusal::NotDeprecated { .. } => "not_deprecated",
            Refusal::ChannelUnchanged { .. } => "channel_unchanged",
            Refusal::NoSuchChannel { .. } => "no_such_channel",
            Refusal::ProtocolNotNewer { .. } => "protocol_not_newer",
            Refusal::UnknownParameters { .. } => "unknown_parameters",
            Refusal::RulesUnchanged => "rules_unchanged",
            Refusal::SuffixUnchanged(_) => "suffix_unchanged",
            Refusal::NoSuchSuffix(_) => "no_such_suffix",
        }
    }
}
