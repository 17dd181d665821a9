//! An update on the disk that a running service has not taken up (A18).

use portreeve_lab::profile;

use super::site::{Found, Site, serious};

/// A replaced program is found until its service is restarted (A18).
#[test]
fn a_service_that_runs_a_replaced_program_is_found_until_it_restarts() {
    let site = Site::boot(&profile::WEB);
    let audit = |status| site.audit("", status).into_iter().filter(serious).collect::<Vec<Found>>();
    assert_eq!(audit(0), []);
    // What dpkg does: a new file of the same name takes the old one's place.
    site.run("cp -p /usr/sbin/nginx /usr/sbin/nginx.dpkg-new && mv /usr/sbin/nginx.dpkg-new /usr/sbin/nginx");
    let stale = audit(1);
    assert_eq!(stale.len(), 1, "one cause, one finding: {stale:#?}");
    assert_eq!((&*stale[0].rule, &*stale[0].severity), ("stale-executable", "warning"));
    assert!(["80/tcp", "443/tcp"].contains(&&*stale[0].port), "{stale:#?}");
    site.run("systemctl restart nginx");
    assert_eq!(audit(0), []);
}
