//! How flatpak and snapd name the cgroup of a program that they confine (A12).
//!
//! They are packages of programs that use the host's own network, not parts of an engine: what runs in one is told
//! apart by its unit, or by its program and user, as any other is.

use super::{Above, named, runtime::unescape};
use crate::facts::Container;

/// What an application that came as a package runs in, its id being the application's.
pub(super) fn container(above: &Above<'_>, component: &str) -> Option<Container> {
    flatpak(above, component).or_else(|| snap(component))
}

/// `app-flatpak-org.example.App-4711.scope`, made by the user's own manager (flatpak, common/flatpak-run.c).
///
/// Elsewhere nobody but root could have made one, and flatpak does not.
fn flatpak(above: &Above<'_>, component: &str) -> Option<Container> {
    let stem = component.strip_suffix(".scope")?.strip_prefix("app-flatpak-")?;
    let (application, instance) = stem.rsplit_once('-')?;
    let is_number = !instance.is_empty() && instance.bytes().all(|byte| byte.is_ascii_digit());
    let application = unescape(application);
    (above.belongs_to_user && is_number && is_application(&application))
        .then(|| Container { name: Some(application.clone()), ..named("flatpak", &application) })
}

/// `snap.NAME.APP.service`, and `snap.NAME.APP-UUID.scope` of what a user starts; older ones have a dot before the
/// UUID (snapd, sandbox/cgroup/tracking.go).
fn snap(component: &str) -> Option<Container> {
    let rest = component.strip_prefix("snap.")?;
    let application = match rest.strip_suffix(".scope") {
        Some(scope) => without_uuid(scope)?,
        None => rest.strip_suffix(".service")?,
    };
    let (name, app) = application.split_once('.')?;
    (is_application(name) && !app.is_empty())
        .then(|| Container { name: Some(name.into()), ..named("snap", application) })
}

/// What stands before a separator and the 36 characters of a UUID (RFC 9562).
fn without_uuid(scope: &str) -> Option<&str> {
    let (rest, uuid) = scope.split_at_checked(scope.len().checked_sub(36)?)?;
    let is_uuid = uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    rest.strip_suffix(['-', '.']).filter(|_| is_uuid)
}

/// Letters, digits and `.-_`: all that a flatpak's id (flatpak(1)) and a snap's name with its instance may have.
fn is_application(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}
