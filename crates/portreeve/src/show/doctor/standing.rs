//! Which closed ways of looking change the answers, and which another way stands in for (A5, A12).

use portreeve_host::probe::{Probe, Reason, State, Subject};

/// What came of trying a way, and what that means.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// The way.
    pub(crate) subject: Subject,
    /// Why it is closed; `None` where it is open.
    pub(crate) reason: Option<Reason>,
    /// An open way that answers in its place.
    pub(crate) stand_in: Option<Subject>,
    matters: Matters,
    /// Who looks.
    pub(crate) user: User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matters {
    Yes,
    No,
}

/// Who looks: what root lacks is a capability, what others lack is root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// uid 0.
    Root,
    /// Anybody else.
    Ordinary,
}

impl Standing {
    /// Whether answers could be others with it, and this user could have it.
    pub(crate) fn matters(&self) -> bool {
        self.matters == Matters::Yes
    }
}

/// What `probes` mean for `user`.
pub(crate) fn judge(probes: Vec<Probe>, user: User) -> Vec<Standing> {
    let open: Vec<_> =
        probes.iter().filter(|probe| probe.state == State::Open).map(|probe| probe.subject).collect();
    let standing = |Probe { subject, state }| {
        let reason = match state {
            State::Open => None,
            State::Closed(reason) => Some(reason),
        };
        let stand_in = stand_ins(subject).iter().copied().find(|other| open.contains(other));
        // Of a process that /proc does not list nothing tells the name.
        let stand_in = stand_in.filter(|_| reason.as_ref().is_some_and(|reason| *reason != Reason::Hidden));
        let is_missed =
            stand_in.is_none() && reason.as_ref().is_some_and(|reason| could_have(subject, reason, user));
        let matters = if is_missed { Matters::Yes } else { Matters::No };
        Standing { subject, reason, stand_in, matters, user }
    };
    probes.into_iter().map(standing).collect()
}

/// The ways that answer as well, or as well as this user can have it.
const fn stand_ins(subject: Subject) -> &'static [Subject] {
    match subject {
        Subject::BpfFiles | Subject::BpfKept => &[Subject::Pins],
        // A list that did not hold still is a gap of the look that it was read for.
        Subject::BpfTcp | Subject::BpfUdp => &[Subject::Pins, Subject::SockDiag],
        Subject::Descriptors | Subject::Namespaces => &[Subject::BpfFiles, Subject::Pins],
        Subject::Kernel => &[Subject::BpfFiles],
        Subject::Pins
        | Subject::SockDiag
        | Subject::ProcNet
        | Subject::Files
        | Subject::Cgroups
        | Subject::Firewall => &[],
    }
}

/// Whether it could be open to this user: what root is not shown nobody is, and the files of others and the rules of the
/// packet filter are never an ordinary user's. Pins are an offer, which nobody must make.
fn could_have(subject: Subject, reason: &Reason, user: User) -> bool {
    match (subject, reason) {
        (Subject::Pins, _) => false,
        (Subject::Files, Reason::Withheld(_)) => false,
        (Subject::Files | Subject::Firewall, _) => user == User::Root,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the ways that matter where all are open but those of `closed`.
    fn that_matter(closed: &[(Subject, Reason)], user: User) -> Vec<&'static str> {
        let probes = Subject::ALL.into_iter().map(|subject| {
            let reason = closed.iter().find(|(of, _)| *of == subject).map(|(_, reason)| reason.clone());
            Probe { subject, state: reason.map_or(State::Open, State::Closed) }
        });
        let standings = judge(probes.collect(), user);
        standings
            .iter()
            .filter(|standing| standing.matters())
            .map(|standing| standing.subject.name())
            .collect()
    }

    fn refused(subjects: &[Subject]) -> Vec<(Subject, Reason)> {
        subjects.iter().map(|&subject| (subject, Reason::NotPermitted)).collect()
    }

    const BPF: [Subject; 4] = [Subject::BpfFiles, Subject::BpfKept, Subject::BpfTcp, Subject::BpfUdp];
    const ROOTS: [Subject; 3] = [Subject::Descriptors, Subject::Files, Subject::Namespaces];

    #[test]
    fn an_ordinary_user_misses_owners_and_a_member_of_the_group_nothing() {
        let closed = refused(&[&BPF[..], &ROOTS[..]].concat());
        assert_eq!(that_matter(&closed, User::Ordinary), Vec::<&str>::new(), "the pins are open");
        let mut closed = closed;
        closed.push((Subject::Pins, Reason::NotPinned));
        assert_eq!(
            that_matter(&closed, User::Ordinary),
            ["bpf-files", "bpf-kept", "descriptors", "namespaces"]
        );
    }

    #[test]
    fn root_needs_no_pins_and_misses_what_was_closed_on_purpose() {
        let unpinned = (Subject::Pins, Reason::NotPinned);
        assert_eq!(that_matter(&[unpinned], User::Root), Vec::<&str>::new());
        let without: Vec<_> =
            BPF.into_iter().chain([Subject::Pins]).map(|subject| (subject, Reason::Without)).collect();
        assert_eq!(
            that_matter(&without, User::Root),
            ["bpf-files", "bpf-kept"],
            "sock_diag lists connections"
        );
    }

    #[test]
    fn what_root_is_not_shown_nobody_could_have() {
        let sealed = [Subject::Descriptors, Subject::Files].map(|subject| (subject, Reason::Withheld(1)));
        assert_eq!(that_matter(&sealed, User::Root), Vec::<&str>::new());
        let lacking = refused(&[Subject::Files]);
        assert_eq!(that_matter(&lacking, User::Root), ["files"], "a capability");
        let unlisted = [(Subject::Descriptors, Reason::Hidden)];
        assert_eq!(that_matter(&unlisted, User::Ordinary), ["descriptors"], "no pin tells a name");
        let hidden = refused(&[Subject::Firewall]);
        assert_eq!(that_matter(&hidden, User::Ordinary), Vec::<&str>::new(), "only root reads rules");
        assert_eq!(that_matter(&hidden, User::Root), ["firewall"]);
        let missing = [(Subject::Firewall, Reason::NotInstalled("nft".into()))];
        assert_eq!(that_matter(&missing, User::Root), ["firewall"]);
        let unmounted = [(Subject::Cgroups, Reason::NotMounted)];
        assert_eq!(that_matter(&unmounted, User::Ordinary), ["cgroups"]);
    }

    #[test]
    fn an_old_kernel_matters_where_its_programs_do_not_load() {
        let old = (Subject::Kernel, Reason::TooOld("5.15.0".into()));
        assert_eq!(that_matter(std::slice::from_ref(&old), User::Root), Vec::<&str>::new());
        let refused = (Subject::BpfFiles, Reason::Refused("R1".into()));
        let unpinned = (Subject::Pins, Reason::NotPinned);
        assert_eq!(that_matter(&[old, refused, unpinned], User::Root), ["bpf-files", "kernel"]);
    }
}
