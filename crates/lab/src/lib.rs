//! Builds small networks and whole Debian hosts in namespaces and watches them with other people's tools.
