//! On which well-known numbers an ordinary daemon is at home; of a program that is absent nobody guesses (A6, A8).
//!
//! Only numbers below 1024, as each program's manual page and IANA's registry have them. Programs that serve
//! whatever they are told to (haproxy, traefik, node, java) are absent on purpose.

const WEB: &[u16] = &[80, 443];
const MAIL: &[u16] = &[25, 465, 587];
const FTP: &[u16] = &[20, 21, 989, 990];
const DHCP_CLIENT: &[u16] = &[68, 546];
const NONE: &[u16] = &[];

const DAEMONS: &[(&str, &[u16])] = &[
    ("sshd", &[22]),
    ("dropbear", &[22]),
    // nginx also stands before mail servers (ngx_mail_core_module).
    ("nginx", &[80, 443, 25, 110, 143, 465, 587, 993, 995]),
    ("apache2", WEB),
    ("httpd", WEB),
    ("lighttpd", WEB),
    ("caddy", WEB),
    ("exim4", MAIL),
    ("exim", MAIL),
    ("sendmail", MAIL),
    ("opensmtpd", MAIL),
    ("dovecot", &[24, 110, 143, 465, 587, 993, 995]),
    ("vsftpd", FTP),
    ("proftpd", FTP),
    ("pure-ftpd", FTP),
    ("in.telnetd", &[23]),
    ("telnetd", &[23]),
    ("in.tftpd", &[69]),
    ("atftpd", &[69]),
    ("named", &[53, 80, 443, 853, 953]),
    ("unbound", &[53, 443, 853]),
    ("dnsmasq", &[53, 67, 69, 547]),
    ("systemd-resolved", &[53]),
    ("systemd-resolve", &[53]),
    ("dhcpd", &[67, 547, 647]),
    ("dhclient", DHCP_CLIENT),
    ("dhcpcd", DHCP_CLIENT),
    ("NetworkManager", DHCP_CLIENT),
    ("systemd-networkd", &[67, 68, 546, 547]),
    ("systemd-network", &[67, 68, 546, 547]),
    ("rpcbind", &[111]),
    ("ntpd", &[123]),
    // chronyc talks to chronyd on 323 (chrony.conf(5), cmdport).
    ("chronyd", &[123, 323]),
    ("systemd-timesyncd", &[123]),
    ("nmbd", &[137, 138]),
    ("smbd", &[139, 445]),
    ("snmpd", &[161, 162, 705]),
    ("slapd", &[389, 636]),
    ("krb5kdc", &[88, 750]),
    ("kadmind", &[464, 749]),
    ("rsyslogd", &[514, 601]),
    ("syslog-ng", &[514, 601]),
    ("cupsd", &[631]),
    ("rsync", &[873]),
    ("redis-server", NONE),
    ("valkey-server", NONE),
    ("memcached", NONE),
    ("mysqld", NONE),
    ("mariadbd", NONE),
    ("postgres", NONE),
    ("mongod", NONE),
    ("openvpn", NONE),
    ("squid", NONE),
];

/// The well-known numbers on which this program is at home; `None` for one that nothing is known of.
#[must_use]
pub fn ordinary_ports(program: &str) -> Option<&'static [u16]> {
    DAEMONS.iter().find(|(known, _)| super::is_same_program(known, program)).map(|(_, ports)| *ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_known_numbers_stand_in_the_table() {
        for (program, ports) in DAEMONS {
            assert!(ports.iter().all(|&port| port < 1024), "{program}");
        }
    }

    #[test]
    fn a_program_that_is_absent_is_not_guessed_at() {
        assert_eq!(ordinary_ports("haproxy"), None);
        assert_eq!(ordinary_ports("sshd"), Some(&[22][..]));
        assert_eq!(ordinary_ports("systemd-resolve"), Some(&[53][..]));
    }
}
