// Lists sockets as the kernel has them: by the descriptors that refer to them, and by the kernel's own tables.
//
// `files` sees every descriptor of every task of the reader's pid namespace and of those below, whatever their network
// namespace is; `tcp` and `udp` see the sockets of the reader's own network namespace, whether anybody has a descriptor
// of them or not. None of them changes anything (kernel/bpf/task_iter.c, net/ipv4/tcp_ipv4.c, net/ipv4/udp.c).
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

// What a reader asks for. The values are put in before the program is loaded, so that the kernel drops what is not
// asked for from the program itself.
enum wanted {
	PORT_FIRST = 1,
	PORT_LAST = 2,
	CONNECTIONS = 3,
};

#define WANTED(what) ((__u32)bpf_core_enum_value(enum wanted, what))

// One socket, or one descriptor of one; addresses, and ports of the peer, are in network order.
struct record {
	__u64 inode;
	__u64 cookie;
	__u64 cgroup;
	__u64 started; // of the process, in nanoseconds since the boot; 0 in a list of sockets
	__u32 netns;
	__u32 pid;
	__u32 thread;
	__u32 fd;
	__u32 uid;
	__u32 interface;
	__u32 queue_used;
	__u32 queue_limit;
	__u8 local[16];
	__u8 peer[16];
	__u16 local_port;
	__u16 peer_port;
	__u16 family;
	__u16 protocol;
	__u8 state;
	__u8 type;
	__u8 v6only;
	__u8 chosen; // whether a person chose the port
	__u32 number; // of a packet socket its Ethernet type, of a vsock socket its port
};

_Static_assert(sizeof(struct record) == 112, "observe/sight/record.rs reads so many bytes");

static __always_inline int is_in_range(const struct sock_common *common)
{
	__u32 port = common->skc_num;

	return port != 0 && port >= WANTED(PORT_FIRST) && port <= WANTED(PORT_LAST);
}

// Whether it waits for anybody: as TCP does in listen, and UDP without a peer.
static __always_inline int is_listening(const struct sock_common *common, int is_datagram)
{
	return common->skc_state == (is_datagram ? TCP_CLOSE : TCP_LISTEN);
}

static __always_inline void fill_addresses(struct record *record, const struct sock_common *common)
{
	__u32 *local = (__u32 *)record->local, *peer = (__u32 *)record->peer;

	record->family = common->skc_family;
	record->state = common->skc_state;
	record->local_port = common->skc_num;
	record->peer_port = common->skc_dport;
	record->interface = common->skc_bound_dev_if;
	record->netns = common->skc_net.net->ns.inum;
	if (record->family == AF_INET) {
		local[0] = common->skc_rcv_saddr;
		peer[0] = common->skc_daddr;
	}
	if (record->family == AF_INET6) {
#pragma unroll
		for (int word = 0; word < 4; word++) {
			local[word] = common->skc_v6_rcv_saddr.in6_u.u6_addr32[word];
			peer[word] = common->skc_v6_daddr.in6_u.u6_addr32[word];
		}
		record->v6only = BPF_CORE_READ_BITFIELD(common, skc_ipv6only);
	}
}

static __always_inline void fill_socket(struct record *record, struct sock *sk)
{
	fill_addresses(record, &sk->__sk_common);
	record->protocol = sk->sk_protocol;
	record->type = sk->sk_type;
	record->uid = sk->sk_uid.val;
	record->queue_used = sk->sk_ack_backlog;
	record->queue_limit = sk->sk_max_ack_backlog;
	record->chosen = !!(BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK);
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		record->cgroup = sk->sk_cgrp_data.cgroup->kn->id;
	record->cookie = bpf_get_socket_cookie(sk);
}

// A socket of a family without ports.
static __always_inline void fill_other(struct record *record, struct sock *sk)
{
	if (record->family == AF_PACKET && bpf_core_type_exists(struct packet_sock))
		record->number = BPF_CORE_READ((struct packet_sock *)sk, num);
	if (record->family == AF_VSOCK && bpf_core_type_exists(struct vsock_sock))
		record->number = BPF_CORE_READ((struct vsock_sock *)sk, local_addr.svm_port);
}

// The number of a process or thread in the pid namespace of whoever reads.
static __always_inline __u32 number_of(struct task_struct *task, __u32 level)
{
	struct pid *pid = task->thread_pid;
	int number = 0;

	if (level == 0) {
		number = pid->numbers[0].nr;
		// Else the compiler reads both from one place, once of the kernel's memory and once of the stack: refused.
		asm volatile("" : "+r"(number));
		return number;
	}
	bpf_probe_read_kernel(&number, sizeof(number),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			      (level & 31) * bpf_core_type_size(struct upid));
	return number;
}

static __always_inline int is_wanted(const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;
	__u32 family = common->skc_family;

	if (family == AF_INET || family == AF_INET6) {
		if (sk->sk_type == SOCK_RAW)
			return WANTED(CONNECTIONS);
		return is_in_range(common) &&
		       (WANTED(CONNECTIONS) || is_listening(common, sk->sk_type == SOCK_DGRAM));
	}
	return WANTED(CONNECTIONS) && (family == AF_PACKET || family == AF_VSOCK);
}

SEC("iter/task_file")
int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct record record = {};
	struct socket *socket;
	struct sock *sk;
	__u32 level;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_wanted(sk))
		return 0;
	level = bpf_get_current_task_btf()->thread_pid->level;
	record.pid = number_of(task->group_leader, level);
	record.thread = number_of(task, level);
	record.started = task->group_leader->start_boottime;
	record.fd = ctx->fd;
	record.inode = file->f_inode->i_ino;
	fill_socket(&record, sk);
	fill_other(&record, sk);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

static __always_inline __u64 inode_of(const struct sock *sk)
{
	return BPF_CORE_READ((struct socket_alloc *)sk->sk_socket, vfs_inode.i_ino);
}

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct record record = {};
	struct sock *sk;

	if (!common || !is_in_range(common))
		return 0;
	if (!WANTED(CONNECTIONS) && !is_listening(common, 0))
		return 0;
	sk = (struct sock *)bpf_skc_to_tcp_sock(common);
	if (sk) {
		record.inode = inode_of(sk);
		fill_socket(&record, sk);
	} else {
		// What is left of a connection for a minute after its end, or is there before its beginning.
		fill_addresses(&record, common);
		record.protocol = IPPROTO_TCP;
		record.cookie = bpf_get_socket_cookie(common);
	}
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

SEC("iter/udp")
int udp(struct bpf_iter__udp *ctx)
{
	struct sock *sk = (struct sock *)ctx->udp_sk;
	struct record record = {};

	if (!sk || !is_wanted(sk))
		return 0;
	record.inode = inode_of(sk);
	fill_socket(&record, sk);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
