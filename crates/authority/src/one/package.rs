//! What a domain says of its packages (spec/authority.md §4.4).

use super::domain::{About, has_holder, is_not_frozen, is_under, key_of};
use super::grants;
use super::{Stop, Writing, must_verify};
use crate::decision::Signed;
use crate::refusal::Refusal;
use crate::rows::*;
use deedbox_model::event::{Action, DomainKey, PackageEvent, ReleasePublished};
use deedbox_model::holding::Hold;
use deedbox_model::row::Rows;
use deedbox_model::{Domain, EventId, KeyId, PackageId, Speaker, Statement, TimeMs, Version};

/// The nearest claimed domain at or above a package's own speaks for it, under its present tenure, with a key of its
/// own that speaks of packages and is valid at log time, or by a grant with the key that it is for. Gives that domain.
pub(super) fn speak_for(
    rows: &Rows,
    id: &PackageId,
    signed: Signed<'_>,
    (statement, event): (&Statement, &PackageEvent),
    log_time: TimeMs,
) -> Result<(Domain, DomainRow), Stop> {
    let Speaker::Domain { domain: speaker, tenure } = statement.speaker() else {
        return Err(Refusal::Undecodable("a package's events are spoken by a domain".to_owned()).into());
    };
    let (owner, row) = owner(rows, id)?;
    if &owner != speaker {
        return Err(Refusal::NotTheOwner { speaker: speaker.clone(), domain: id.domain().clone(), owner }.into());
    }
    has_holder(&row, &owner)?;
    is_under(&row, &owner, tenure)?;
    let about = About { rows, domain: &owner, log_time };
    match statement.by() {
        None => {
            own_key(about, &row, statement.kid())?;
        }
        Some(grant) => {
            granted(about, &row, (&grant, statement.kid()), (id, event.action()))?;
        }
    }
    must_verify(signed)?;
    if moves(event) {
        is_not_frozen(&row, &owner, log_time)?;
    }
    Ok((owner, row))
}

/// The domain's key of this id, which speaks of packages and is valid at log time.
pub(super) fn own_key(about: About<'_>, row: &DomainRow, kid: KeyId) -> Result<DomainKey, Refusal> {
    let key = key_of(row, about.domain, kid)?;
    if !key.role.speaks_of_packages() || !key.is_valid_at(about.log_time) {
        return Err(Refusal::KeyMayNot(about.domain.clone()));
    }
    Ok(key)
}

/// What lets this key do this, by a grant of the domain's present tenure.
pub(super) fn granted(
    about: About<'_>,
    row: &DomainRow,
    (grant, kid): (&EventId, KeyId),
    (id, action): (&PackageId, Action),
) -> Result<GrantRow, Stop> {
    let granted = grants::of_tenure(about.rows, grant, about.domain, row)?;
    if granted.key.id() != kid {
        return Err(Refusal::KeyNotAuthorised(about.domain.to_string()).into());
    }
    if !granted.is_in_force(about.log_time) {
        return Err(Refusal::GrantOver { domain: about.domain.clone(), grant: *grant }.into());
    }
    if !granted.covers(id, action) {
        return Err(Refusal::NotGranted { id: id.clone(), grant: *grant, action: action.as_str() }.into());
    }
    Ok(granted)
}

/// Whether an event moves what is installed. What takes a release out of use does not: it waits for nothing, and can be taken back.
pub(super) fn moves(event: &PackageEvent) -> bool {
    match event {
        PackageEvent::ReleaseYanked(_) => false,
        PackageEvent::ReleaseDeprecated(e) => e.notice.is_none(),
        PackageEvent::ReleasePublished(_)
        | PackageEvent::ReleaseUnyanked(_)
        | PackageEvent::ChannelSet(_)
        | PackageEvent::ChannelRemoved(_) => true,
    }
}

/// Who got a domain without its last holder's word moves none of the packages that were there, for some weeks: everybody can see first that it
/// changed hands. What takes a release out of use is not kept waiting.
pub(super) fn is_not_held(
    owner: &Domain,
    row: &DomainRow,
    id: &PackageId,
    package: Option<&PackageRow>,
    moves: bool,
    log_time: TimeMs,
) -> Result<(), Refusal> {
    let was_there = |hold: Hold| package.is_some_and(|package| package.released_at < hold.index);
    let is_held = moves && row.hold.is_some_and(was_there);
    match row.holds_until(owner).filter(|until| is_held && log_time < *until) {
        Some(until) => Err(Refusal::Held { id: id.clone(), domain: owner.clone(), until }),
        None => Ok(()),
    }
}

/// The nearest claimed domain at or above a package's own, with its row.
pub(super) fn owner(rows: &Rows, id: &PackageId) -> Result<(Domain, DomainRow), Stop> {
    for domain in id.domain().self_and_parents() {
        if let Some(row) = rows.decoded(&domain_key(&domain)?)? {
            return Ok((domain, row));
        }
    }
    Err(Refusal::NotClaimed(id.domain().clone()).into())
}

pub(super) fn change(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    id: &PackageId,
    package: Option<PackageRow>,
    event: &PackageEvent,
) -> Result<(), Stop> {
    match event {
        PackageEvent::ReleasePublished(e) => return publish(writing, rows, statement, id, package, e),
        PackageEvent::ReleaseYanked(e) => {
            let release = release(rows, id, &e.version)?;
            if release.yanked {
                return Err(Refusal::AlreadyYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: true, ..release })?;
        }
        PackageEvent::ReleaseUnyanked(e) => {
            let release = release(rows, id, &e.version)?;
            if !release.yanked {
                return Err(Refusal::NotYanked { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { yanked: false, ..release })?;
        }
        PackageEvent::ReleaseDeprecated(e) => {
            let release = release(rows, id, &e.version)?;
            if e.notice.is_none() && !release.deprecated {
                return Err(Refusal::NotDeprecated { id: id.clone(), version: e.version.clone() }.into());
            }
            writing.put(release_key(id, &e.version)?, &ReleaseRow { deprecated: e.notice.is_some(), ..release })?;
        }
        PackageEvent::ChannelSet(e) => {
            release(rows, id, &e.version)?;
            let key = channel_key(id, &e.channel)?;
            let now = VersionRow { version: e.version.clone() };
            if rows.decoded::<VersionRow>(&key)?.as_ref() == Some(&now) {
                return Err(Refusal::ChannelUnchanged { id: id.clone(), channel: e.channel.clone(), version: e.version.clone() }.into());
            }
            writing.put(key, &now)?;
        }
        PackageEvent::ChannelRemoved(e) => {
            let key = channel_key(id, &e.channel)?;
            if rows.get(&key)?.is_none() {
                return Err(Refusal::NoSuchChannel { id: id.clone(), channel: e.channel.clone() }.into());
            }
            writing.changes.delete(key);
        }
    }
    // All of these are about a package that has a release: the first event of a package publishes.
    match package {
        Some(package) => writing.put(package_key(id)?, &PackageRow { head: writing.id, ..package })?,
        None => return Err(Refusal::Undecodable("the package has no release".to_owned()).into()),
    }
    Ok(())
}

fn release(rows: &Rows, id: &PackageId, version: &Version) -> Result<ReleaseRow, Stop> {
    let row = rows.decoded(&release_key(id, version)?)?;
    Ok(row.ok_or_else(|| Refusal::NoSuchRelease { id: id.clone(), version: version.clone() })?)
}

fn publish(
    writing: &mut Writing,
    rows: &Rows,
    statement: &Statement,
    id: &PackageId,
    package: Option<PackageRow>,
    e: &ReleasePublished,
) -> Result<(), Stop> {
    if rows.get(&release_key(id, &e.version)?)?.is_some() {
        return Err(Refusal::VersionExists { id: id.clone(), version: e.version.clone() }.into());
    }
    if let Some(VersionRow { version }) = rows.decoded(&native_version_key(id, &e.native_version)?)? {
        return Err(Refusal::NativeVersionTaken { id: id.clone(), native_version: e.native_version.clone(), version }.into());
    }
    if let Some(package) = &package
        && package.native_name != e.native_name
    {
        return Err(Refusal::NativeNameChanged { id: id.clone(), native_name: package.native_name.clone() }.into());
    }
    if let Some(NativeRow { id: holder }) = rows.decoded(&native_key(id.ecosystem(), &e.native_name)?)?
        && &holder != id
    {
        return Err(Refusal::NativeNameTaken { native_name: e.native_name.clone(), holder }.into());
    }

    let releases = package.map_or(0, |p| p.releases) + 1;
    writing.put(
        package_key(id)?,
        &PackageRow { head: writing.id, native_name: e.native_name.clone(), releases, released_at: writing.index },
    )?;
    writing.put(native_key(id.ecosystem(), &e.native_name)?, &NativeRow { id: id.clone() })?;
    let release = ReleaseRow { event: writing.id, index: writing.index, yanked: false, deprecated: false };
    writing.put(release_key(id, &e.version)?, &release)?;
    let version = VersionRow { version: e.version.clone() };
    writing.put(native_version_key(id, &e.native_version)?, &version)?;
    for channel in &e.channels {
        writing.put(channel_key(id, channel)?, &version)?;
    }
    if let Speaker::Domain { domain: owner, .. } = statement.speaker() {
        for domain in id.domain().self_and_parents().take_while(|domain| domain != owner) {
            writing.put(covered_key(&domain)?, &CoveredRow { by: owner.clone() })?;
        }
    }
    Ok(())
}
