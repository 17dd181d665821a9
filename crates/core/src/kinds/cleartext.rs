//! Services that talk in the clear, always or unless somebody insists (A20).
//!
//! Mail on 25 and 587 is absent on purpose: whether a server insists on STARTTLS before a password cannot be told
//! from its number (RFC 3207, RFC 8314).

use super::{
    Elsewhere::{No, Too},
    Kind,
    Nature::{Administration, Cleartext, OptionalTls},
};
use crate::port::Protocol::{Tcp, Udp};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "Telnet",
        natures: &[Cleartext, Administration],
        programs: &["in.telnetd", "telnetd"],
        ports: &[(23, 23, Tcp)],
        elsewhere: Too,
    },
    Kind {
        name: "FTP",
        natures: &[OptionalTls],
        programs: &["vsftpd", "proftpd", "pure-ftpd", "ftpd", "in.ftpd"],
        ports: &[(21, 21, Tcp), (2121, 2121, Tcp)],
        // The same programs open data ports, which come and go.
        elsewhere: No,
    },
    Kind {
        name: "rexec, rlogin or rsh",
        natures: &[Cleartext, Administration],
        programs: &["in.rexecd", "in.rlogind", "in.rshd"],
        ports: &[(512, 514, Tcp)],
        elsewhere: No,
    },
    Kind {
        name: "TFTP",
        natures: &[Cleartext],
        programs: &["in.tftpd", "atftpd", "tftpd"],
        ports: &[(69, 69, Udp)],
        elsewhere: No,
    },
    Kind {
        name: "Finger",
        natures: &[Cleartext],
        programs: &["in.fingerd", "fingerd"],
        ports: &[(79, 79, Tcp)],
        elsewhere: Too,
    },
    Kind { name: "POP3", natures: &[OptionalTls], programs: &[], ports: &[(110, 110, Tcp)], elsewhere: No },
    Kind { name: "IMAP", natures: &[OptionalTls], programs: &[], ports: &[(143, 143, Tcp)], elsewhere: No },
    Kind {
        name: "LDAP",
        natures: &[OptionalTls],
        programs: &["slapd"],
        ports: &[(389, 389, Tcp)],
        elsewhere: No,
    },
    Kind {
        name: "VNC",
        natures: &[OptionalTls, Administration],
        programs: &[
            "Xvnc",
            "Xtigervnc",
            "Xtightvnc",
            "x0tigervncserver",
            "x0vncserver",
            "x11vnc",
            "vino-server",
            "wayvnc",
            "krfb",
        ],
        ports: &[(5900, 5909, Tcp)],
        elsewhere: Too,
    },
    Kind {
        name: "VNC",
        natures: &[OptionalTls, Administration],
        programs: &["qemu-system-x86_64", "qemu-system-aarch64", "qemu-kvm"],
        ports: &[(5900, 5999, Tcp)],
        // A machine's monitor and migration have numbers too.
        elsewhere: No,
    },
    Kind {
        name: "X11",
        natures: &[Cleartext, Administration],
        programs: &["Xorg", "X", "Xwayland", "Xvfb", "Xephyr"],
        ports: &[(6000, 6063, Tcp)],
        elsewhere: No,
    },
];
