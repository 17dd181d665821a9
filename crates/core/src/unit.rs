//! What the name of a systemd unit tells: whether it is a service, and whether it is nothing but a name (A12, A24).

/// UNIT_NAME_MAX of systemd (src/basic/unit-def.h).
pub const NAME_BYTES_MAX: usize = 255;

/// The place where a person's programs run: `user@1000.service` (user@.service(5)).
#[must_use]
pub fn is_user_manager(unit: &str) -> bool {
    user_of_manager(unit).is_some()
}

/// Whose manager it is: 1000, by number, of `user@1000.service`.
#[must_use]
pub fn user_of_manager(unit: &str) -> Option<&str> {
    unit.strip_prefix("user@")?.strip_suffix(".service")
}

/// Whether it is a service of the host: a user's manager is a `.service` by name alone.
#[must_use]
pub fn is_service(unit: &str) -> bool {
    unit.ends_with(".service") && !is_user_manager(unit)
}

/// Whether it is a service of the host or the socket that stands for one (systemd.socket(5)).
///
/// Scopes are places where programs run (session-4.scope), not names of services; a device is none either.
#[must_use]
pub fn is_service_or_socket(unit: &str) -> bool {
    is_service(unit) || unit.ends_with(".socket")
}

/// Name and type of the unit that stands behind another: `x.socket` opens what `x.service` serves (systemd.socket(5)).
#[must_use]
pub fn served_by(unit: &str) -> (&str, &str) {
    match unit.strip_suffix(".socket") {
        Some(name) => (name, ".service"),
        None => unit.rfind('.').map_or((unit, ""), |dot| unit.split_at(dot)),
    }
}

/// The name of the socket of which each connection is an instance of the template that `pattern` means (systemd.socket(5), `Accept=`).
#[must_use]
pub fn accepting(pattern: &str) -> Option<&str> {
    pattern.strip_suffix("@*.service")
}

/// A unit's name without its type, where it is a service or a socket; any other unit's is whole.
#[must_use]
pub fn stem(unit: &str) -> &str {
    match served_by(unit) {
        (name, ".service") => name,
        _ => unit,
    }
}

/// Whether the name is nothing but a name to a shell and to systemctl: no metacharacter, no option, no glob.
#[must_use]
pub fn is_plain(unit: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@-_.:".contains(&byte);
    !unit.is_empty()
        && unit.len() <= NAME_BYTES_MAX
        && !unit.starts_with(['-', '.'])
        && unit.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_manager_is_no_service() {
        assert!(is_service("nginx.service") && is_service("user-runtime-dir@1000.service"));
        for unit in ["user@1000.service", "session-4.scope", "ssh.socket", "a.device", ""] {
            assert!(!is_service(unit), "{unit}");
        }
        assert!(is_service_or_socket("ssh.socket") && !is_service_or_socket("user@0.service"));
    }

    #[test]
    fn a_socket_and_its_service_have_one_stem() {
        assert_eq!([stem("ssh.socket"), stem("ssh.service"), stem("a.scope")], ["ssh", "ssh", "a.scope"]);
        assert_eq!(stem("postgresql@15-main.service"), "postgresql@15-main");
    }

    #[test]
    fn what_a_shell_would_act_on_is_not_plain() {
        assert!(is_plain("postfix@-.service") && is_plain("dbus-:1.2-org.x@0.service"));
        for unit in
            ["a;reboot.service", "$(id).service", "--x.service", "a b", "a*", "a\\x2db.service", "", "é"]
        {
            assert!(!is_plain(unit), "{unit}");
        }
        assert!(!is_plain(&"a".repeat(NAME_BYTES_MAX + 1)));
    }
}
