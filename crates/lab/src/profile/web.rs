//! A web server with a certificate, and sshd to look after it.

use super::{File, Profile};

/// nginx on 80 and 443, and sshd.
pub const WEB: Profile = Profile { name: "web", units: &["ssh.service", "nginx.service"], files: &[SITE] };

/// The certificate is the one that Debian makes for every machine (ssl-cert).
pub(super) const SITE: File = File::text(
    "etc/nginx/sites-available/default",
    "server {
    listen 80 default_server;
    listen [::]:80 default_server;
    listen 443 ssl default_server;
    listen [::]:443 ssl default_server;
    ssl_certificate /etc/ssl/certs/ssl-cert-snakeoil.pem;
    ssl_certificate_key /etc/ssl/private/ssl-cert-snakeoil.key;
    default_type text/plain;
    location / { return 200 \"the web server\\n\"; }
}
",
);
