//! Every code with which this server itself, its door and authority refuse, with the status that it is answered with and
//! what to do about it (spec/api.md §1, spec/authority.md §5, spec/objects.md §5). A dialect's codes are its own: they come
//! with words that name the file, and are answered with 422. Says nothing of what was refused and why: messages do.

use deedbox_model::limits::MESSAGE_BYTES;
use deedbox_model::said;

/// A code and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// As it is answered. Stable.
    pub name: &'static str,
    /// Each HTTP status that it is answered with.
    pub statuses: &'static [u16],
    /// What to do, for people.
    pub help: &'static str,
}

const fn code(name: &'static str, statuses: &'static [u16], help: &'static str) -> Code {
    Code { name, statuses, help }
}

const SIGN_OTHERWISE: &str = "correct what the message names, and sign the statement again";
const LOOK_FIRST: &str = "nothing has to be done, or ask for something else: GET /api/v1/packages/ID says how things stand";
const PACK_AGAIN: &str = "build the manifest from exactly these artifacts; deedbox publish does it by itself";

const A_GRANT: &str = "GET /api/v1/domains/DOMAIN?view=grants lists the domain's grants; its holder gives another one with deedbox grant";

/// All of them, by name.
pub const CODES: &[Code] = &[
    code("acceptance_not_now", &[422], "make the claim again with deedbox claim, on a machine whose clock is right"),
    code("already_claimed", &[422], "ask its owner, or claim another domain; GET /api/v1/domains/DOMAIN says whose key holds it"),
    code("already_contested", &[422], "nothing has to be done: GET /api/v1/domains/DOMAIN says that it is contested"),
    code("already_frozen", &[422], "nothing has to be done: GET /api/v1/domains/DOMAIN says who froze it"),
    code("already_logged", &[422], "nothing has to be done: the entry is in the log"),
    code("already_yanked", &[422], LOOK_FIRST),
    code("bad_request", &[400], "look at spec/api.md for how this request is written"),
    code("bad_signature", &[422], "sign the same content again with the key that the statement names, and send the bytes unchanged"),
    code("budget", &[429], "publish what is uploaded, or wait until it expires after a day"),
    code("busy", &[503], "try again after the number of seconds in Retry-After"),
    code("channel_unchanged", &[422], LOOK_FIRST),
    code("clock", &[503], "try again later: the operator has to set the registry's clock; reading still works"),
    code("contested", &[422], "ask the registry's operator: they complete it with deedbox recover --operator-key, or let it lapse"),
    code("digest_mismatch", &[422], "upload exactly the bytes of the address, with their length in Content-Length"),
    code("from_the_future", &[422], "set this machine's clock, and sign again"),
    code("from_the_past", &[422], "set this machine's clock, and sign again"),
    code("frozen", &[422], "who froze it thaws it with deedbox thaw DOMAIN; GET /api/v1/domains/DOMAIN says who did, and until when"),
    code("grant_over", &[422], A_GRANT),
    code("held", &[422], "wait until then, or publish another package: everybody has this time to see that the domain changed hands"),
    code("in_the_way", &[422], "choose another name or version, or sign in as somebody who may read what is there"),
    code("internal", &[500], "tell the operator the request id; it is in the x-request-id header"),
    code("key_may_not", &[422], "sign with another of the domain's keys: GET /api/v1/domains/DOMAIN lists them with their times"),
    code("key_not_authorised", &[422], "sign with one of the domain's keys: GET /api/v1/domains/DOMAIN lists them"),
    code("key_unchanged", &[422], "nothing has to be done: deedbox keys list DOMAIN shows the domain's keys"),
    code("keys_only", &[422], "sign with one of the domain's keys: a recovery key can end this rule with deedbox keys only DOMAIN off"),
    code("local_claims", &[422], "claim a domain of your own instead: deedbox claim DOMAIN says what to put where"),
    code("looks_nowhere", &[422], "deedbox claim DOMAIN --request FILE makes your half of the claim, and the operator files it"),
    code("manifest", &[422], PACK_AGAIN),
    code("manifest_differs", &[422], PACK_AGAIN),
    code(
        "may_not_contest",
        &[422],
        "sign with an admin or recovery key that the domain had when the recovery was opened, or until a week ago",
    ),
    code(
        "message",
        &[422],
        said!("write one line of at most {} bytes without control characters; deedbox deprecate checks it", MESSAGE_BYTES),
    ),
    code("method_not_allowed", &[405], "the Allow header says what can be asked here; releases are published with deedbox publish"),
    code("native_name_changed", &[422], "publish under the native name that the package has"),
    code("native_name_of_domain", &[422], "let that domain's owner publish it under their own id, or choose another name"),
    code("native_name_taken", &[422], "choose another name: the first package that had this native name keeps it"),
    code("native_version_taken", &[422], "choose another version: one that exists never changes"),
    code("no_admin_left", &[422], "put another admin key first: deedbox keys put DOMAIN KEY --role admin"),
    code("no_ground", &[422], "the operator puts a list in force with deedbox serve --public-suffixes FILE, or files the claim"),
    code("no_recovery", &[422], "GET /api/v1/domains/DOMAIN says whether one is open; deedbox recover DOMAIN opens one"),
    code("no_recovery_key", &[422], "put another recovery key first, or end the rule: deedbox keys only DOMAIN off"),
    code("no_such_channel", &[422], LOOK_FIRST),
    code("no_such_grant", &[422], A_GRANT),
    code("no_such_key", &[422], "deedbox keys list DOMAIN shows the domain's keys with their ids"),
    code("no_such_package", &[404], "check the spelling: GET /api/v1/packages/ lists what was published"),
    code("no_such_release", &[404, 422], "check the spelling of the version: GET /api/v1/packages/ID lists those that exist"),
    code("no_such_suffix", &[422], SIGN_OTHERWISE),
    code("not_acceptable", &[406], "name one of these in Accept, or leave the header out"),
    code("not_claimed", &[404, 422], "claim the domain first: deedbox claim"),
    code("not_deprecated", &[422], LOOK_FIRST),
    code("not_found", &[404], "check the spelling; what was uploaded and not published cannot be read"),
    code("not_frozen", &[422], "nothing has to be done: GET /api/v1/domains/DOMAIN says who froze it; each ends their own freeze"),
    code("not_granted", &[422], A_GRANT),
    code("not_shown", &[422], "claim again with deedbox claim: the records are gathered anew"),
    code("not_shown_yet", &[422], "put the record where deedbox claim says, and ask again when everybody can see it"),
    code("not_the_beginning", &[422], "send another statement: this log has begun, and its first entry created the registry"),
    code("not_the_owner", &[422], "let the domain's owner sign it, or publish below a domain that you hold"),
    code("not_yanked", &[422], LOOK_FIRST),
    code("object_missing", &[422], "upload it first: PUT /objects/sha256/<hex> with a permit"),
    code("object_size", &[422], "state the size that the object has; deedbox publish does it by itself"),
    code("other_audience", &[422], "sign it again for this registry's origin: GET /api/v1/registry says it"),
    code("other_tenure", &[422], "sign it again under the domain's present tenure: GET /api/v1/domains/DOMAIN says it"),
    code("permit", &[401], "make a permit with a key that may publish for the domain; deedbox publish does it by itself"),
    code("principal_differs", &[422], PACK_AGAIN),
    code("protocol_not_newer", &[422], "name a higher protocol number; GET /api/v1/registry says the one in force"),
    code("public_suffix", &[422], "claim your own domain below it"),
    code(
        "recovery_key_needed",
        &[422],
        "sign with a recovery key of the domain (--key FILE): deedbox keys list DOMAIN shows which there are",
    ),
    code("recovery_open", &[422], "deedbox contest DOMAIN says no to it; deedbox keys list DOMAIN shows until when it is open"),
    code("recovery_too_soon", &[422], "give it a later beginning; deedbox keys put DOMAIN KEY --role recovery chooses one by itself"),
    code("released", &[422], "claim it: deedbox claim DOMAIN"),
    code("rules_unchanged", &[422], "nothing has to be done: GET /api/v1/registry says the rules in force"),
    code("sight_too_old", &[422], "claim again with deedbox claim: the domain is looked at anew"),
    code("stale_prev", &[409], "look at what changed since, and sign again on top of `head`; deedbox publish does it by itself"),
    code("stopping", &[503], "send the same bytes again: if they were appended, the answer says so"),
    code("store", &[503], "try again later; the operator finds the reason in the log under this request id"),
    code("subdomain_in_use", &[422], "ask the owner of the domain above; until then publish below another domain"),
    code("suffix_unchanged", &[422], SIGN_OTHERWISE),
    code("timeout", &[503], "send the same bytes again: if they were appended, the answer says so"),
    code("too_large", &[413, 431], "send less at once; `limit` says how many bytes"),
    code("too_many", &[422], "ask in parts"),
    code("too_many_keys", &[422], "remove keys that nobody uses any more: deedbox keys remove DOMAIN KID"),
    code("too_old", &[422], "set this machine's clock, and sign again"),
    code("too_soon", &[422], "run the same command again when that time has come"),
    code("undecided", &[503], "the operator has to update the program; reading still works"),
    code("undecodable", &[422], "spec/statements.md says how a statement is written; deedbox writes it so"),
    code("unknown_ecosystem", &[422], "GET /api/v1/registry says which ecosystems can be published here"),
    code("unknown_parameters", &[422], SIGN_OTHERWISE),
    code("upload_offset", &[409], "continue from `offset`, or begin again with PUT; deedbox publish does it by itself"),
    code(
        "upload_under_way",
        &[409],
        "ask with HEAD how much is there, and continue when the other upload has ended; deedbox publish does it by itself",
    ),
    code("version_exists", &[422], "choose another version: one that exists never changes"),
    code("weaker_evidence", &[422], "let the claimant show the domain by DNS or HTTPS: deedbox recover DOMAIN says what to put where"),
    code("wrong_evidence", &[422], SIGN_OTHERWISE),
];

/// What to do about a code of somebody else: a dialect's.
const OF_A_DIALECT: &str = "correct the package as the message says, pack it again, and publish that";

/// What to do.
pub(crate) fn help(name: &str) -> &'static str {
    CODES.binary_search_by(|code| code.name.cmp(name)).ok().and_then(|at| CODES.get(at)).map_or(OF_A_DIALECT, |code| code.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_each_once_and_each_says_what_to_do() {
        assert!(CODES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for code in CODES {
            assert_eq!(help(code.name), code.help);
            assert!(code.help.contains(' ') && !code.statuses.is_empty(), "{}", code.name);
        }
        assert_eq!(help("archive_link"), OF_A_DIALECT);
    }
}
