//! What a key may do, asked before it is said (spec/authority.md §4): the answer is that of the decider for a statement that says it, in every situation,
//! for every key and every action.

use super::chain::*;
use deedbox_authority::rows::{DomainRow, PackageRow, domain_key, package_key};
use deedbox_authority::{Decision, DomainAct, Question, Refusal, Rule, Signed, may, rows_of_may};
use deedbox_model::event::{
    Acceptance, Action, DomainClaimed, DomainKey, DomainKeysChanged, DomainReleased, DomainThawed, Event, Evidence, PublisherGranted,
    PublisherRevoked, Role,
};
use deedbox_model::row::decode_row;
use deedbox_model::{Domain, EventId, PackageId, Rows, Statement, Subject, TimeMs, Verified};
use deedbox_testkit::{Owner, secret, time};

const CI: u8 = 60;
const STRANGER: u8 = 99;
/// The registry's operator, by the testkit's numbers.
const OPERATOR: u8 = 1;
const NEXT: u8 = 30;
const KEYS: [u8; 7] = [10, 11, 12, NEXT, 40, CI, STRANGER];

/// A situation: what was said, the grants that were given, and the moment at which it is asked.
struct Situation {
    name: &'static str,
    c: Chain,
    grants: Vec<EventId>,
    at: TimeMs,
}

fn begun(recovery: &[u8]) -> Chain {
    let mut c = chain(recovery);
    c.published("1.0.0", None, time(2));
    c
}

fn granted(actions: &[Action], until: Option<TimeMs>) -> PublisherGranted {
    PublisherGranted { key: secret(CI).public(), ids: vec![ID.parse().unwrap()], actions: actions.to_vec(), until }
}

fn situations() -> Vec<Situation> {
    let at = |name, c, at| Situation { name, c, grants: vec![], at };
    let mut all = vec![at("claimed", begun(&[]), time(9)), at("with a recovery key", begun(&[40]), time(9))];
    for (name, actions) in [("granted all", &Action::ALL[..]), ("granted one", &[Action::Publish]), ("granted yanks", &[Action::Yank])] {
        let mut c = begun(&[]);
        let elsewhere = PublisherGranted { ids: vec!["npm:acme.example/other".parse().unwrap()], ..granted(&Action::ALL, None) };
        let grants = vec![c.said(10, time(3), elsewhere), c.said(10, time(3), granted(actions, Some(time(20))))];
        all.push(Situation { name, c: c.clone(), grants: grants.clone(), at: time(9) });
        all.push(Situation { name: "granted until", c: c.clone(), grants: grants.clone(), at: time(20) });
        c.said(11, time(4), PublisherRevoked { grant: grants[1] });
        all.push(Situation { name: "revoked", c, grants, at: time(9) });
    }
    let mut c = begun(&[40]);
    c.said(10, time(3), FROZEN);
    all.push(at("frozen", c.clone(), time(9)));
    all.push(at("frozen for three days", c.clone(), day(3, 3)));
    c.registry_said(time(3), FROZEN);
    all.push(at("frozen twice", c, time(9)));
    let mut c = begun(&[]);
    c.registry_said(time(3), FROZEN);
    all.push(at("frozen by the registry", c.clone(), time(9)));
    all.push(at("no longer frozen by the registry", c, day(14, 3)));
    let mut c = begun(&[40]);
    c.said(10, time(3), removing(11));
    c.said(11, time(4), contesting(None));
    all.push(at("contested", c.clone(), time(9)));
    all.push(at("contested three days ago", c, day(3, 4)));
    let mut c = begun(&[]);
    c.opened(NEXT, time(3));
    all.push(at("a recovery is open", c.clone(), time(9)));
    all.push(at("a recovery has waited", c.clone(), day(14, 3)));
    all.push(at("a recovery has lapsed", c.clone(), day(44, 3)));
    let opened = c.head;
    c.registry_said(day(14, 3), completing(opened));
    all.push(at("recovered", c.clone(), day(14, 9)));
    all.push(at("recovered a month ago", c, day(44, 3)));
    let mut c = begun(&[40]);
    let grants = vec![c.said(10, time(3), granted(&Action::ALL, None))];
    c.said(40, time(3), c.transfer(NEXT, time(3)));
    all.push(Situation { name: "handed over", c, grants, at: time(9) });
    let mut c = begun(&[40]);
    c.said(40, time(3), DomainReleased {});
    all.push(at("given up", c, time(9)));
    let mut c = begun(&[40]);
    c.said(40, time(3), DomainKeysChanged { keys_only: Some(true), ..DomainKeysChanged::put(vec![]) });
    all.push(at("only keys are to decide", c.clone(), time(9)));
    all.push(at("only keys decide", c, day(30, 3)));
    let mut c = begun(&[]);
    let over = DomainKey { until: Some(time(9)), ..key(12, Role::Publish) };
    let later = DomainKey { from: Some(time(10)), ..key(11, Role::Admin) };
    let mut put = vec![over, later];
    put.sort();
    c.said(10, time(3), DomainKeysChanged::put(put));
    all.push(at("keys with times", c, time(9)));
    all
}

impl Situation {
    fn ask(&self, question: &Question, n: u8) -> Result<Rule, Refusal> {
        let keys = rows_of_may(question, &self.grants).unwrap();
        let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), self.c.log.rows.get(&key).cloned())).collect());
        may(&rows, question, secret(n).public().id(), &self.grants, self.at).unwrap()
    }

    fn domain_row(&self) -> DomainRow {
        let key = domain_key(&self.c.owner.domain).unwrap();
        decode_row(&key, &self.c.log.rows[&key].bytes).unwrap()
    }

    /// The statements that say it with this key: one, or one by each grant for a key that is none of the domain's.
    fn statements(&self, question: &Question, n: u8) -> Vec<Verified<Statement>> {
        let (at, row) = (self.at, self.domain_row());
        let owner = self.c.owner.under(row.tenure, n);
        let head = Some(row.head);
        let by_operator = |event: Event| self.c.registry.say(&Subject::Domain(owner.domain.clone()), head, at, &event);
        let accepted = || -> Acceptance { owner.accept(head, at) };
        let itself = |event: Event| owner.say_of_itself(head, at, event);
        let either = |event: Event| if n == OPERATOR { by_operator(event) } else { itself(event) };
        let one = match question {
            Question::Package(_, action) => {
                let is_own = row.keys.iter().any(|key| key.key == secret(n).public());
                let mut speakers = vec![owner.clone()];
                if !is_own {
                    speakers.extend(self.grants.iter().map(|grant| owner.granted(*grant, n)));
                }
                return speakers.iter().map(|speaker| self.of_package(speaker, *action)).collect();
            }
            Question::Domain(_, act) => match act {
                DomainAct::Claim => by_operator(DomainClaimed { sight: None, evidence: Evidence::Operator, acceptance: accepted() }.into()),
                DomainAct::Keys => itself(DomainKeysChanged::put(vec![key(77, Role::Publish)]).into()),
                DomainAct::Grant => itself(granted(&Action::ALL, None).into()),
                DomainAct::Freeze => either(FROZEN.into()),
                DomainAct::Thaw => either(DomainThawed {}.into()),
                DomainAct::Transfer => {
                    itself(deedbox_model::event::DomainTransferred { acceptance: self.c.owner.by(77).accept(head, at) }.into())
                }
                DomainAct::Release => itself(DomainReleased {}.into()),
                DomainAct::Recover => match row.open_recovery(&owner.domain, at) {
                    Some(open) if n == NEXT => by_operator(completing(open.opened).into()),
                    _ => by_operator(self.c.opening(n, at).into()),
                },
            },
        };
        vec![one]
    }

    fn of_package(&self, speaker: &Owner, action: Action) -> Verified<Statement> {
        let key = package_key(&PackageId::parse(ID).unwrap()).unwrap();
        let head = decode_row::<PackageRow>(&key, &self.c.log.rows[&key].bytes).unwrap().head;
        match action {
            Action::Publish => speaker.publish(ID, "9.9.9", Some(head), self.at, &["latest"]).0,
            Action::Yank => speaker.yank(ID, "1.0.0", head, self.at),
            Action::Channel => speaker.set_channel(ID, "beta", "1.0.0", head, self.at),
        }
    }
}

fn questions() -> Vec<Question> {
    let id = PackageId::parse(ID).unwrap();
    let domain = Domain::parse("acme.example").unwrap();
    let of_package = Action::ALL.into_iter().map(|action| Question::Package(id.clone(), action));
    of_package.chain(DomainAct::ALL.into_iter().map(|act| Question::Domain(domain.clone(), act))).collect()
}

#[test]
fn may_says_yes_exactly_where_the_decider_accepts_and_else_names_its_refusal() {
    let (mut yes, mut codes) = (0, std::collections::BTreeSet::new());
    for situation in situations() {
        for question in questions() {
            for n in KEYS.into_iter().chain([OPERATOR]) {
                let found = situation.ask(&question, n);
                let statements = situation.statements(&question, n);
                let verdicts: Vec<Result<(), &str>> = statements
                    .iter()
                    .map(|statement| match situation.c.log.see(statement, Signed::Verified(statement)) {
                        Decision::Effective(_) => Ok(()),
                        Decision::Refused(refusal) => Err(refusal.code()),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let what = format!("{}: {} of {question} by {n}: {found:?}, {verdicts:?}", situation.name, question.action());
                match &found {
                    Ok(_) => {
                        yes += 1;
                        assert!(verdicts.contains(&Ok(())), "{what}");
                    }
                    Err(refusal) => {
                        codes.insert(refusal.code());
                        assert!(!verdicts.contains(&Ok(())) && verdicts.contains(&Err(refusal.code())), "{what}");
                    }
                }
            }
        }
    }
    assert!(yes > 100, "{yes}");
    let expected = [
        "already_claimed",
        "already_frozen",
        "frozen",
        "grant_over",
        "held",
        "key_may_not",
        "key_not_authorised",
        "keys_only",
        "not_frozen",
        "not_granted",
        "recovery_key_needed",
        "recovery_open",
        "released",
        "too_soon",
    ];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_rule_that_decides_is_named() {
    let mut c = begun(&[40]);
    let grant = c.said(10, time(3), granted(&[Action::Publish], None));
    let situation = Situation { name: "", c, grants: vec![grant], at: time(9) };
    let by_grant = format!("the grant {grant} of acme.example of entry 3, for {ID}");
    for (action, id, n, sentence, section) in [
        ("publish", ID, 10, "an admin key of acme.example, by its claim of entry 1 (evidence operator)", "4.4"),
        ("channel", ID, 12, "a publish key of acme.example, by its claim of entry 1 (evidence operator)", "4.4"),
        ("publish", ID, CI, by_grant.as_str(), "4.4"),
        ("keys", "acme.example", 40, "a recovery key of acme.example, by its claim of entry 1 (evidence operator)", "4.5"),
        ("grant", "acme.example", 11, "an admin key of acme.example, by its claim of entry 1 (evidence operator)", "4.12"),
        ("freeze", "acme.example", OPERATOR, "a key of the operator of registry.example/log, by the registry's word", "4.7"),
        ("transfer", "acme.example", 40, "a recovery key of acme.example, by its claim of entry 1 (evidence operator)", "4.8"),
        (
            "recover",
            "acme.example",
            STRANGER,
            "no recovery of acme.example is open, and one can be opened for any key on the word of the registry's operator",
            "4.9",
        ),
        (
            "claim",
            "fresh.example",
            STRANGER,
            "nobody has fresh.example, and any key may have it on the word of the registry's operator",
            "4.3",
        ),
        ("claim", "fresh.localhost", STRANGER, "nobody has fresh.localhost, and what is below localhost needs no evidence", "4.3"),
    ] {
        let question = Question::parse(action, id).unwrap();
        assert_eq!((question.action(), question.to_string().as_str()), (action, id));
        let rule = situation.ask(&question, n).unwrap();
        assert_eq!((rule.sentence.as_str(), rule.section), (sentence, format!("spec/authority.md §{section}").as_str()));
    }
}

#[test]
fn what_nobody_has_is_said_so_and_what_cannot_be_had_is_refused() {
    let mut c = begun(&[]);
    let (release, _) = c.owner.publish("npm:team.acme.example/x", "1.0.0", None, time(3), &[]);
    c.accept(&release);
    let registry_head = c.registry.created(time(0)).id();
    let suffixes = c.registry.suffixes_changed(registry_head, &["pages.example"], &[], time(3));
    c.log.accept(&suffixes);
    let situation = Situation { name: "", c, grants: vec![], at: time(9) };
    for (action, id, code) in [
        ("publish", "npm:nobody.example/x", "not_claimed"),
        ("keys", "nobody.example", "not_claimed"),
        ("recover", "nobody.example", "not_claimed"),
        ("claim", "team.acme.example", "subdomain_in_use"),
        ("claim", "pages.example", "public_suffix"),
        ("claim", "acme.example", "already_claimed"),
    ] {
        assert_eq!(situation.ask(&Question::parse(action, id).unwrap(), 10).unwrap_err().code(), code, "{action} {id}");
    }
    for (action, id, why) in [
        ("sign", "acme.example", "an action is one of channel, publish, yank (of a package) or claim, keys, "),
        ("publish", "acme.example", ""),
        ("keys", ID, ""),
    ] {
        let refused = Question::parse(action, id).unwrap_err();
        assert!(refused.contains(why) && !refused.is_empty(), "{refused}");
    }
}
