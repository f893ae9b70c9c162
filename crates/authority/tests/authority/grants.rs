//! Who else speaks for a domain's packages, as a table of sentences: each refusal at least once, each rule on both sides (spec/authority.md §4.4, §4.12,
//! §4.13).

use super::chain::*;
use deedbox_authority::{Decision, Refusal, Signed};
use deedbox_model::event::{Action, DomainReleased, Event, PublisherGranted, PublisherRevoked, Role};
use deedbox_model::{EventId, IdPattern, Speaker, Statement, Subject, TimeMs};
use deedbox_testkit::{Owner, manifest, publish_event, secret, time};

/// The key that is granted something.
const CI: u8 = 60;

fn grant(ids: &[&str], actions: &[Action], until: Option<TimeMs>) -> PublisherGranted {
    let ids = ids.iter().map(|id| IdPattern::parse(id).unwrap()).collect();
    PublisherGranted { key: secret(CI).public(), ids, actions: actions.to_vec(), until }
}

fn all(ids: &[&str]) -> PublisherGranted {
    grant(ids, &Action::ALL, None)
}

#[test]
fn a_granted_key_speaks_of_the_packages_that_it_is_for_by_naming_its_grant() {
    let mut c = chain(&[]);
    let (early, _) = c.owner.by(CI).publish(ID, "1.0.0", None, time(2), &[]);
    c.log.refuse(&early, "key_not_authorised");
    let granted = c.said(10, time(3), all(&[ID]));
    let (unnamed, _) = c.owner.by(CI).publish(ID, "1.0.0", None, time(4), &[]);
    c.log.refuse(&unnamed, "key_not_authorised");
    let ci = c.owner.granted(granted, CI);
    let (first, _) = ci.publish(ID, "1.0.0", None, time(4), &["latest"]);
    c.accept(&first);
    let beta = ci.set_channel(ID, "beta", "1.0.0", first.id(), time(5));
    c.accept(&beta);
    let yank = ci.yank(ID, "1.0.0", beta.id(), time(6));
    c.accept(&yank);
    let elsewhere = ci.publish("npm:acme.example/widget-core", "1.0.0", None, time(7), &[]).0;
    assert!(matches!(c.log.refuse(&elsewhere, "not_granted"), Refusal::NotGranted { .. }));
}

#[test]
fn what_is_not_granted_is_refused_action_by_action() {
    let actions = [Action::Channel, Action::Publish, Action::Yank];
    for granted_action in actions {
        let mut c = chain(&[]);
        let first = c.published("1.0.0", None, time(2));
        let granted = c.said(10, time(3), grant(&[ID], &[granted_action], None));
        let ci = c.owner.granted(granted, CI);
        let at = time(4);
        for (action, statement) in [
            (Action::Publish, ci.publish(ID, "1.1.0", Some(first), at, &["latest"]).0),
            (Action::Yank, ci.yank(ID, "1.0.0", first, at)),
            (Action::Yank, ci.deprecate(ID, "1.0.0", Some("old"), first, at)),
            (Action::Channel, ci.set_channel(ID, "beta", "1.0.0", first, at)),
            (Action::Channel, ci.remove_channel(ID, "latest", first, at)),
        ] {
            c.clone().judge(&statement, (action != granted_action).then_some("not_granted"));
        }
    }
}

#[test]
fn a_pattern_covers_what_begins_so_up_to_a_slash_and_no_other_domain() {
    let mut c = chain(&[]);
    let granted = c.said(10, time(2), all(&["npm:acme.example/tools/", "oci:labs.acme.example/"]));
    let ci = c.owner.granted(granted, CI);
    for (id, refused) in [
        ("npm:acme.example/tools/saw", None),
        ("oci:labs.acme.example/image", None),
        ("npm:acme.example/tools", Some("not_granted")),
        ("npm:acme.example/toolsmith", Some("not_granted")),
        ("npm:labs.acme.example/image", Some("not_granted")),
        ("oci:acme.example/image", Some("not_granted")),
    ] {
        c.clone().judge(&ci.publish(id, "1.0.0", None, time(3), &[]).0, refused);
    }
    // From the claim of a domain below on, its packages are that owner's.
    let (claim, _) = c.registry.claim("labs.acme.example", &secret(70), time(3));
    c.log.accept(&claim);
    c.log.refuse(&ci.publish("oci:labs.acme.example/image", "1.0.0", None, time(4), &[]).0, "not_the_owner");
}

#[test]
fn a_grant_ends_by_its_time_by_its_revocation_or_with_the_tenure_and_not_with_the_key_that_gave_it() {
    let mut c = chain(&[]);
    c.refused(10, time(10), grant(&[ID], &Action::ALL, Some(time(10))), "grant_over");
    let timed = c.said(11, time(10), grant(&[ID], &Action::ALL, Some(time(20))));
    let endless = c.said(11, time(10), all(&[ID]));
    c.said(10, time(11), removing(11));
    let publish = |grant, n, at: u64| c.owner.granted(grant, n).publish(ID, "1.0.0", None, time(at), &[]).0;
    let (last, late, endless_one) = (publish(timed, CI, 19), publish(timed, CI, 20), publish(endless, CI, 20));
    c.clone().accept(&last);
    c.clone().log.refuse(&late, "grant_over");
    c.clone().accept(&endless_one);
    c.clone().log.refuse(&publish(endless, 61, 20), "key_not_authorised");
    // Revoked by somebody else, from an older event of the chain, while the domain is frozen.
    let mut revoked = c.clone();
    let frozen = revoked.says(10, revoked.head, time(12), FROZEN);
    revoked.accept(&frozen);
    let revocation = revoked.says(10, timed, time(13), PublisherRevoked { grant: endless });
    revoked.accept(&revocation);
    revoked.log.refuse(&endless_one, "grant_over");
    revoked.refused(10, time(14), PublisherRevoked { grant: endless }, "grant_over");
    // Another holder.
    let tenure = c.said(10, time(12), c.transfer(30, time(12)));
    c.holder(tenure, 30);
    c.refused(30, time(13), PublisherRevoked { grant: endless }, "no_such_grant");
    let (after, _) = c.owner.granted(endless, CI).publish(ID, "1.0.0", None, time(21), &[]);
    c.log.refuse(&after, "no_such_grant");
}

#[test]
fn only_a_key_that_speaks_of_the_domain_grants_and_revokes() {
    let mut c = chain(&[40]);
    c.refused(12, time(2), all(&[ID]), "key_may_not");
    c.refused(CI, time(2), all(&[ID]), "key_not_authorised");
    let stale = c.says(10, EventId([7; 32]), time(2), all(&[ID]));
    c.log.refuse(&stale, "stale_prev");
    let granted = c.said(40, time(2), all(&[ID]));
    c.refused(12, time(3), PublisherRevoked { grant: granted }, "key_may_not");
    c.refused(CI, time(3), PublisherRevoked { grant: granted }, "key_not_authorised");
    c.refused(10, time(3), PublisherRevoked { grant: c.owner.tenure }, "no_such_grant");
    let stale = c.says(10, EventId([7; 32]), time(3), PublisherRevoked { grant: granted });
    c.log.refuse(&stale, "stale_prev");
    c.said(10, time(3), FROZEN);
    c.refused(10, time(4), all(&["npm:acme.example/"]), "frozen");
    c.said(10, time(4), PublisherRevoked { grant: granted });
}

#[test]
fn a_grant_of_one_domain_is_nothing_in_another() {
    let mut c = chain(&[]);
    let granted = c.said(10, time(2), all(&["npm:acme.example/"]));
    let (claim, beta) = c.registry.claim("beta.example", &secret(70), time(3));
    c.log.accept(&claim);
    let (there, _) = beta.granted(granted, CI).publish("npm:beta.example/x", "1.0.0", None, time(4), &[]);
    c.log.refuse(&there, "no_such_grant");
    let revocation = beta.say_of_itself(Some(beta.tenure), time(4), PublisherRevoked { grant: granted });
    c.log.refuse(&revocation, "no_such_grant");
    let (invented, _) = c.owner.granted(EventId([9; 32]), CI).publish(ID, "1.0.0", None, time(4), &[]);
    c.log.refuse(&invented, "no_such_grant");
    // A key of the domain that names somebody else's grant says something else than what it may say.
    let (borrowed, _) = c.owner.granted(granted, 10).publish(ID, "1.0.0", None, time(4), &[]);
    c.log.refuse(&borrowed, "key_not_authorised");
}

#[test]
fn what_a_grant_signs_is_checked_like_everything_else() {
    let mut c = chain(&[]);
    let granted = c.said(10, time(2), all(&[ID]));
    let ci = c.owner.granted(granted, CI);
    let (release, _) = ci.publish(ID, "1.0.0", None, time(3), &[]);
    assert_eq!(c.log.see(&release, Signed::NotVerified(&release)), Decision::Refused(Refusal::BadSignature));
    let (elsewhere, _) = Owner { tenure: EventId([5; 32]), ..ci.clone() }.publish(ID, "1.0.0", None, time(3), &[]);
    c.log.refuse(&elsewhere, "other_tenure");
    c.said(10, time(3), FROZEN);
    c.log.refuse(&release, "frozen");
}

#[test]
fn what_is_not_a_grant_cannot_be_worded() {
    use deedbox_model::event::Body as _;
    assert!(grant(&[], &Action::ALL, None).check().is_err());
    assert!(grant(&[ID], &[], None).check().is_err());
    assert!(grant(&[ID, ID], &Action::ALL, None).check().is_err());
    assert!(grant(&[ID], &[Action::Yank, Action::Channel], None).check().is_err());
    let many: Vec<String> = (0..17).map(|n| format!("npm:acme.example/{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(all(&many).check().is_err() && all(&many[..16]).check().is_ok());
    let c = chain(&[]);
    let speaker = Speaker::Domain { domain: c.owner.domain.clone(), tenure: c.owner.tenure };
    let subject = Subject::Domain(c.owner.domain.clone());
    let sign = |by, event: &Event| Statement::sign_by(&secret(10), &c.owner.origin, &speaker, by, &subject, Some(c.head), time(2), event);
    assert!(sign(None, &all(&["npm:beta.example/"]).into()).is_err(), "another domain's packages");
    assert!(sign(None, &all(&["npm:team.acme.example/"]).into()).is_ok());
    assert!(sign(Some(c.owner.tenure), &DomainReleased {}.into()).is_err(), "a grant is for packages");
    assert!(sign(None, &publish_event(&manifest(ID, "1.0.0", b"x"), &[]).into()).is_err());
    assert_eq!(key(CI, Role::Publish).role, Role::Publish);
}
