//! Web, mail and file servers on one address, as the article describes them (A11, A21, A22), a store, and a
//! developer's program beside them.

use super::{File, Profile, web::SITE};

/// nginx, postfix, dovecot, vsftpd, sshd, redis on loopback, and a Python program of `dev` on `[::]:3000`.
pub const MAIL_WEB_FTP: Profile = Profile {
    name: "mail-web-ftp",
    units: &[
        "ssh.service",
        "nginx.service",
        "postfix.service",
        "dovecot.service",
        "vsftpd.service",
        "redis-server.service",
        "shop.service",
    ],
    files: &[
        SITE,
        File::append("etc/postfix/main.cf", POSTFIX_MAIN),
        File::append("etc/postfix/master.cf", POSTFIX_MASTER),
        File::text("etc/vsftpd.conf", VSFTPD),
        File::text("srv/ftp/welcome.txt", "the file server\n"),
        File::text("home/dev/shop/app.py", SHOP).owner(1000),
        File::text("etc/systemd/system/shop.service", SHOP_UNIT),
        File::link(
            "etc/systemd/system/multi-user.target.wants/shop.service",
            "/etc/systemd/system/shop.service",
        ),
    ],
};

const POSTFIX_MAIN: &str = "
# The lab: the last of two settings counts (postconf(5)).
myhostname = mail.example
mydestination = mail.example, localhost
";

/// The two ports on which users hand in mail (RFC 8314), beside the one between servers.
const POSTFIX_MASTER: &str = "
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission
submissions inet n - y - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
";

const VSFTPD: &str = "listen=NO
listen_ipv6=YES
anonymous_enable=YES
local_enable=YES
use_localtime=YES
connect_from_port_20=YES
secure_chroot_dir=/var/run/vsftpd/empty
pam_service_name=vsftpd
pasv_enable=YES
pasv_min_port=30000
pasv_max_port=30099
";

const SHOP: &str = "import http.server, socket


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b\"the shop\\n\")


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


Server((\"::\", 3000), Shop).serve_forever()
";

const SHOP_UNIT: &str = "[Unit]
Description=A developer's shop

[Service]
User=dev
ExecStart=/usr/bin/python3 /home/dev/shop/app.py

[Install]
WantedBy=multi-user.target
";
