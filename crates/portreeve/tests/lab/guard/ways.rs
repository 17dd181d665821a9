//! Every way to come to a number: whoever takes another way than bind(2) with TCP is judged all the same.

use std::process::Stdio;

use portreeve_core::port::Protocol;

use super::{Badge, Scene, entry, lab, rules};

/// Comes to a number in one of many ways, and tells whether it did, or which error there was.
const WAYS: &str = "import ctypes, errno, mmap, socket, struct, sys
way, port = sys.argv[1], int(sys.argv[2])
def tcp(family=socket.AF_INET, protocol=0): return socket.socket(family, socket.SOCK_STREAM, protocol)
def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def shared(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(('0.0.0.0', port))
def both(s):
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', port))
def ring(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    params = bytearray(120)
    fd = libc.syscall(425, 4, (ctypes.c_char * 120).from_buffer(params))
    if fd < 0: raise OSError(ctypes.get_errno(), 'io_uring_setup')
    values = struct.unpack('30I', params)
    entries, answers, tail, array, cqes = (values[place] for place in (0, 1, 11, 16, 25))
    rings = mmap.mmap(fd, max(array + entries * 4, cqes + answers * 16))
    sqes = mmap.mmap(fd, entries * 64, offset=0x10000000)
    address = ctypes.create_string_buffer(struct.pack('=H', socket.AF_INET) + struct.pack('!HI', port, 0) + bytes(8))
    s = tcp()
    sqes[:64] = struct.pack('=BBHiQQ', 56, flags, 0, s.fileno(), 16, ctypes.addressof(address)) + bytes(40)
    rings[array:array + 4] = struct.pack('=I', 0)
    rings[tail:tail + 4] = struct.pack('=I', 1)
    if libc.syscall(426, fd, 1, 1, 1, None, 0) < 0: raise OSError(ctypes.get_errno(), 'io_uring_enter')
    result, = struct.unpack('=i', rings[cqes + 8:cqes + 12])
    if result < 0: raise OSError(-result, 'io_uring')
ways = {
    'mptcp': lambda: tcp(protocol=262).bind(('0.0.0.0', port)),
    'mptcp6': lambda: both(tcp(socket.AF_INET6, 262)),
    'shared': lambda: shared(tcp()),
    'udp': lambda: udp().bind(('0.0.0.0', port)),
    'udp-shared': lambda: shared(udp()),
    'io_uring': lambda: ring(0),
    'io_uring-async': lambda: ring(16),
    'any': lambda: tcp().bind(('0.0.0.0', 0)),
    'any-udp': lambda: udp().bind(('0.0.0.0', 0)),
    'any6': lambda: tcp(socket.AF_INET6).bind(('::', 0)),
}
try: ways[way](); print('bound')
except OSError as e: print(errno.errorcode[e.errno])
";

impl Scene {
    /// Keeps 8001 of both protocols for the user of that name.
    fn keep_for_nobody(&self) {
        let nobody = || entry(Badge::User(65_534));
        let mut rules = rules(&[(8001, nobody())]);
        rules.entries.insert((Protocol::Udp, 8001), vec![nobody()]);
        self.guard.keep(self.cookie, &rules).expect("the kernel takes them");
    }

    /// What comes of it when `user` takes this way to `port`.
    fn comes(&self, user: &str, way: &str, port: u16) -> String {
        let group = lab(self.namespace.group().below("a"));
        let mut command = self.namespace.command_beside(&group, "setpriv");
        command.args([
            "--reuid",
            user,
            "--clear-groups",
            "/usr/bin/python3",
            "-c",
            WAYS,
            way,
            &port.to_string(),
        ]);
        let output = command.stdin(Stdio::null()).output().expect("it is started");
        String::from_utf8(output.stdout).expect("a word").trim().to_owned()
    }
}

#[test]
fn no_other_way_leads_past_the_guard() {
    let scene = Scene::create();
    scene.keep_for_nobody();
    for way in ["mptcp", "mptcp6", "shared", "udp", "udp-shared"] {
        assert_eq!(scene.comes("nobody", way, 8001), "bound", "{way}");
        assert_eq!(scene.comes("root", way, 8001), "EPERM", "{way}");
        assert_eq!(scene.comes("root", way, 8002), "bound", "{way}");
    }
    // Linux before 6.11 binds none this way (io_uring_enter(2), IORING_OP_BIND).
    let refused = match scene.comes("root", "io_uring", 8002).as_str() {
        "bound" => "EPERM",
        unknown => {
            assert_eq!(unknown, "EINVAL");
            "EINVAL"
        }
    };
    for way in ["io_uring", "io_uring-async"] {
        assert_eq!(scene.comes("root", way, 8001), refused, "{way}");
    }
}

/// Where the kernel would choose it for somebody else, he does not get it either.
#[test]
fn the_kernel_hands_a_guarded_number_to_nobody_else() {
    let scene = Scene::create();
    let set = "echo '8001 8001' >/proc/sys/net/ipv4/ip_local_port_range";
    let group = lab(scene.namespace.group().below("a"));
    let mut command = scene.namespace.command_beside(&group, "sh");
    assert!(command.args(["-c", set]).status().expect("it is started").success(), "{set}");
    for way in ["any", "any-udp", "any6"] {
        assert_eq!(scene.comes("root", way, 0), "bound", "{way}: nobody guards it");
    }
    scene.keep_for_nobody();
    for way in ["any", "any-udp", "any6"] {
        assert_eq!(scene.comes("nobody", way, 0), "bound", "{way}");
        assert_eq!(scene.comes("root", way, 0), "EPERM", "{way}");
    }
}
