// Tells of each socket that begins or ends to wait for strangers, as it happens.
//
// `states` hears of TCP sockets that enter or leave LISTEN, in every network namespace (include/trace/events/sock.h);
// `bound4`, `bound6` and `released` hear of UDP sockets that are bound and closed by the processes below a cgroup
// (net/ipv4/af_inet.c). Those three are asked whether the kernel may go on, and can only say yes.
#include "kernel.h"
#include "lost.h"

// Numbers that are put in before the program is loaded.
enum wanted {
	PORT_FIRST = 1,
	PORT_LAST = 2,
	PID_NAMESPACE = 3, // whose numbers of processes are told, by inode
};

#define WANTED(what) ((__u32)bpf_core_enum_value(enum wanted, what))

#define OPENED 1
#define CLOSED 2

// One socket that began or ended to wait; the address is in network order.
struct event {
	__u64 at; // in nanoseconds since the boot
	__u64 cookie;
	__u64 inode;
	__u64 cgroup;
	__u64 started; // the process that did it, in nanoseconds since the boot
	__u64 process_cgroup;
	__u32 netns;
	__u32 uid;
	__u32 interface;
	__u32 queue_limit;
	__u32 pid; // 0 where it has no number in the reader's pid namespace
	__u32 thread;
	__u32 process_uid;
	__u16 port; // 0 where the kernel has yet to choose it
	__u16 peer_port;
	__u16 family;
	__u16 protocol;
	__u8 kind;
	__u8 v6only;
	__u8 chosen; // whether a person chose the port; known of a UDP socket only when it is closed
	__u8 shut; // whether it was shut down, as close(2) does first (RCV_SHUTDOWN and SEND_SHUTDOWN)
	__u8 local[16];
	char name[16]; // of the process
};

_Static_assert(sizeof(struct event) == 120, "events/listening/event.rs reads so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 * 1024 * 1024);
} events SEC(".maps");

// The number of a process or thread in the reader's pid namespace.
static __always_inline __u32 number_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	__u32 deepest = BPF_CORE_READ(pid, level);

	for (__u32 level = 0; level <= PID_NAMESPACES_DEEP && level <= deepest; level++) {
		struct upid *number = number_at(pid, level);

		if (BPF_CORE_READ(number, ns, ns.inum) == WANTED(PID_NAMESPACE))
			return BPF_CORE_READ(number, nr);
	}
	return 0;
}

static __always_inline void fill_process(struct event *event)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	event->pid = number_of(leader);
	event->thread = number_of(task);
	event->started = BPF_CORE_READ(leader, start_boottime);
	event->process_uid = BPF_CORE_READ(leader, cred, euid.val);
	event->process_cgroup = bpf_get_current_cgroup_id();
	bpf_probe_read_kernel(event->name, sizeof(event->name), leader->comm);
}

// A TCP socket whose port the kernel chose has lost it when its end is told, but not yet the copy for its packets.
static __always_inline __u16 port_of(struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	return port ? port : __builtin_bswap16(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline void fill_socket(struct event *event, struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	event->inode = socket ? BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino) : 0;
	event->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	event->uid = BPF_CORE_READ(sk, sk_uid.val);
	event->interface = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	event->queue_limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	event->port = port_of(sk);
	event->peer_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	event->protocol = BPF_CORE_READ(sk, sk_protocol);
	event->v6only = BPF_CORE_READ_BITFIELD_PROBED(&sk->__sk_common, skc_ipv6only);
	event->chosen = !!(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK);
	event->shut = BPF_CORE_READ(sk, sk_shutdown);
	event->cgroup = 0;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		event->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
	__builtin_memset(event->local, 0, sizeof(event->local));
	if (event->family == AF_INET)
		bpf_probe_read_kernel(event->local, 4, &sk->__sk_common.skc_rcv_saddr);
	else
		bpf_probe_read_kernel(event->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
}

// One without a port gets it from the kernel in a moment.
static __always_inline int is_wanted(struct sock *sk)
{
	__u32 port = port_of(sk);

	return (port == 0 || (port >= WANTED(PORT_FIRST) && port <= WANTED(PORT_LAST))) &&
	       !BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock);
}

static __always_inline void tell(struct sock *sk, __u64 cookie, __u8 kind)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count_as_lost();
		return;
	}
	event->at = bpf_ktime_get_boot_ns();
	event->cookie = cookie;
	event->kind = kind;
	fill_socket(event, sk);
	fill_process(event);
	bpf_ringbuf_submit(event, 0);
}

SEC("tp_btf/inet_sock_set_state")
int states(__u64 *ctx)
{
	int before = ctx[1], after = ctx[2];
	struct sock *sk;

	// Of all that a busy host's connections go through, nothing else is looked at.
	if ((before == TCP_LISTEN) == (after == TCP_LISTEN))
		return 0;
	sk = (struct sock *)ctx[0];
	if (sk && is_wanted(sk))
		tell(sk, bpf_get_socket_cookie(sk), after == TCP_LISTEN ? OPENED : CLOSED);
	return 0;
}

#define GO_ON 1

// What stands behind the context of these programs is the socket itself (kernel/bpf/cgroup.c, __cgroup_bpf_run_filter_sk).
static __always_inline int datagram(struct bpf_sock *ctx, __u8 kind)
{
	struct sock *sk = (void *)ctx;

	if (ctx->protocol != IPPROTO_UDP && ctx->protocol != IPPROTO_UDPLITE)
		return GO_ON;
	if (is_wanted(sk) && port_of(sk))
		tell(sk, bpf_get_socket_cookie(ctx), kind);
	return GO_ON;
}

SEC("cgroup/post_bind4")
int bound4(struct bpf_sock *ctx)
{
	return datagram(ctx, OPENED);
}

SEC("cgroup/post_bind6")
int bound6(struct bpf_sock *ctx)
{
	return datagram(ctx, OPENED);
}

SEC("cgroup/sock_release")
int released(struct bpf_sock *ctx)
{
	return datagram(ctx, CLOSED);
}

char LICENSE[] SEC("license") = "GPL";
