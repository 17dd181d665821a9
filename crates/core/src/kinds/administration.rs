//! Doors for administrators that were not made to face the world (A20); ssh was, and is absent.

use super::{
    Elsewhere::No,
    Kind,
    Nature::{self, Administration},
};
use crate::port::Protocol::{self, Tcp, Udp};

pub(super) const KINDS: &[Kind] = &[
    door("Docker API", &["dockerd"], &[(2376, 2376, Tcp)]),
    door("kubelet", &["kubelet"], &[(10250, 10250, Tcp)]),
    door("Kubernetes API", &["kube-apiserver"], &[(6443, 6443, Tcp)]),
    door("libvirt", &["libvirtd", "virtproxyd"], &[(16509, 16509, Tcp), (16514, 16514, Tcp)]),
    door("Remote Desktop", &["xrdp", "gnome-remote-desktop-daemon"], &[(3389, 3389, Tcp)]),
    door("SNMP", &["snmpd"], &[(161, 161, Udp), (161, 161, Tcp)]),
    door("IPMI", &[], &[(623, 623, Udp)]),
    door("WinRM", &[], &[(5985, 5986, Tcp)]),
    door("Cockpit", &["cockpit", "cockpit-tls", "cockpit-ws"], &[(9090, 9090, Tcp)]),
    door("Webmin", &["webmin", "miniserv.pl"], &[(10000, 10000, Tcp)]),
    door("Proxmox VE", &["pveproxy"], &[(8006, 8006, Tcp)]),
    door("Consul", &["consul"], &[(8500, 8501, Tcp)]),
    door("Vault", &["vault"], &[(8200, 8200, Tcp)]),
];

const NATURES: &[Nature] = &[Administration];

const fn door(
    name: &'static str,
    programs: &'static [&'static str],
    ports: &'static [(u16, u16, Protocol)],
) -> Kind {
    Kind { name, natures: NATURES, programs, ports, elsewhere: No }
}
