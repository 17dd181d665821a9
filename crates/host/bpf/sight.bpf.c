// Lists sockets as the kernel has them: by the descriptors that refer to them, and by the kernel's own tables.
//
// `files` sees every descriptor of every task of the reader's pid namespace and of those below, whatever their network
// namespace is; `tcp` and `udp` see the sockets of the reader's own network namespace, whether anybody has a descriptor
// of them or not. None of them changes anything (kernel/bpf/task_iter.c, net/ipv4/tcp_ipv4.c, net/ipv4/udp.c).
#include "kernel.h"

// What a reader asks for. The values are put in before the program is loaded, so that the kernel drops what is not
// asked for from the program itself.
enum wanted {
	PORT_FIRST = 1,
	PORT_LAST = 2,
	CONNECTIONS = 3,
};

#define WANTED(what) ((__u32)bpf_core_enum_value(enum wanted, what))

// What is either so or not of a socket.
#define FLAG_V6ONLY 1
#define FLAG_CHOSEN 2 // a person chose the port, not the kernel
#define FLAG_KERNEL 4 // it never had a file: the kernel made it for itself
#define FLAG_MPTCP 8
#define FLAG_QUEUED 16 // it is on its way to the process, in the queue of its Unix socket

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
	__u8 flags;
	__u8 spare;
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

// Where a pointer to a socket comes from. For each pointer that is read through one that the kernel gave the program
// itself, its verifier searches all types of the kernel by name, four times (kernel/bpf/verifier.c,
// `btf_nested_type_is_trusted`): ten such reads take longer than a look. Those are copied instead, which the verifier
// does not mind and which takes longer for each socket.
enum origin {
	FOUND,
	GIVEN,
};

static __always_inline void fill_place(struct record *record, const struct sock_common *common, enum origin origin)
{
	record->family = common->skc_family;
	record->state = common->skc_state;
	record->local_port = common->skc_num;
	if (origin == GIVEN)
		record->netns = BPF_CORE_READ(common, skc_net.net, ns.inum);
	else
		record->netns = common->skc_net.net->ns.inum;
}

static __always_inline void fill_addresses(struct record *record, const struct sock_common *common,
					   enum origin origin)
{
	__u32 *local = (__u32 *)record->local, *peer = (__u32 *)record->peer;

	fill_place(record, common, origin);
	record->peer_port = common->skc_dport;
	record->interface = common->skc_bound_dev_if;
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
		if (BPF_CORE_READ_BITFIELD(common, skc_ipv6only))
			record->flags |= FLAG_V6ONLY;
	}
}

static __always_inline void fill_socket(struct record *record, struct sock *sk, enum origin origin)
{
	fill_addresses(record, &sk->__sk_common, origin);
	record->protocol = sk->sk_protocol;
	record->type = sk->sk_type;
	record->uid = sk->sk_uid.val;
	record->queue_used = sk->sk_ack_backlog;
	record->queue_limit = sk->sk_max_ack_backlog;
	if (BPF_CORE_READ_BITFIELD(sk, sk_userlocks) & SOCK_BINDPORT_LOCK)
		record->flags |= FLAG_CHOSEN;
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup)) {
		if (origin == GIVEN)
			record->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
		else
			record->cgroup = sk->sk_cgrp_data.cgroup->kn->id;
	}
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
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return BPF_CORE_READ(number_at(pid, level), nr);
}

// The numbers of a thread and of its process, as whoever reads counts them.
static __always_inline void fill_numbers(struct record *record, struct task_struct *task, struct task_struct *leader)
{
	__u32 level = BPF_CORE_READ(bpf_get_current_task_btf(), thread_pid, level);

	if (level == 0) {
		// On most hosts whoever reads is in the first pid namespace, which a task's own numbers are of.
		record->pid = task->tgid;
		record->thread = task->pid;
	} else {
		record->pid = number_of(leader, level);
		record->thread = number_of(task, level);
	}
}

// Who has a file.
static __always_inline void fill_task(struct record *record, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	fill_numbers(record, task, leader);
	record->started = leader->start_boottime;
}

static __always_inline int is_wanted(const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;
	__u32 family = common->skc_family;

	if (family == AF_INET || family == AF_INET6) {
		// It hears what comes for any port, as a packet socket does; a host has few of either.
		if (sk->sk_type == SOCK_RAW)
			return 1;
		return is_in_range(common) &&
		       (WANTED(CONNECTIONS) || is_listening(common, sk->sk_type == SOCK_DGRAM));
	}
	return family == AF_PACKET || (WANTED(CONNECTIONS) && family == AF_VSOCK);
}

// Whether the kernel's own tables tell all about it; a busy host has a hundred thousand such, and of their descriptors
// only who has them is wanted.
static __always_inline int has_peer(const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;
	__u32 family = common->skc_family, state = common->skc_state;

	return (family == AF_INET || family == AF_INET6) && sk->sk_type == SOCK_STREAM &&
	       state != TCP_LISTEN && state != TCP_CLOSE;
}

SEC("iter/task_file")
int files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct record record = {};
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_wanted(sk))
		return 0;
	fill_task(&record, task);
	record.fd = ctx->fd;
	record.inode = file->f_inode->i_ino;
	if (has_peer(sk)) {
		fill_place(&record, &sk->__sk_common, FOUND);
	} else {
		fill_socket(&record, sk, FOUND);
		// Newer verifiers let nobody have a cookie made for a socket that was come to through a pointer; most have one.
		record.cookie = sk->__sk_common.skc_cookie.counter;
		fill_other(&record, sk);
	}
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

// What a table tells of the file behind a socket; a socket that was closed has none any more, and no inode either.
static __always_inline void fill_file(struct record *record, const struct sock *sk, enum origin origin)
{
	struct socket *socket = origin == GIVEN ? BPF_CORE_READ(sk, sk_socket) : sk->sk_socket;
	struct file *file;

	if (!socket)
		return;
	file = origin == GIVEN ? BPF_CORE_READ(socket, file) : socket->file;
	if (file && origin == FOUND)
		record->inode = file->f_inode->i_ino;
	else
		record->inode = BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino);
	if (!file)
		record->flags |= FLAG_KERNEL;
}

SEC("iter/tcp")
int tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_timewait_sock *waiting;
	struct record record = {};
	struct tcp_sock *whole;
	struct sock *sk;

	if (!common || !is_in_range(common))
		return 0;
	if (!WANTED(CONNECTIONS) && !is_listening(common, 0))
		return 0;
	whole = bpf_skc_to_tcp_sock(common);
	if (whole) {
		sk = (struct sock *)whole;
		fill_file(&record, sk, FOUND);
		fill_socket(&record, sk, FOUND);
		record.cookie = bpf_get_socket_cookie(sk);
		if (bpf_core_field_exists(whole->is_mptcp) && whole->is_mptcp)
			record.flags |= FLAG_MPTCP;
	} else {
		// What is left of a connection for a minute after its end, or is there before its beginning.
		fill_addresses(&record, common, GIVEN);
		record.protocol = IPPROTO_TCP;
		record.cookie = bpf_get_socket_cookie(common);
		waiting = bpf_skc_to_tcp_timewait_sock(common);
		if (waiting)
			record.state = waiting->tw_sk.tw_substate;
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
	fill_file(&record, sk, GIVEN);
	fill_socket(&record, sk, GIVEN);
	record.cookie = bpf_get_socket_cookie(sk);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

// Every process that is in another network namespace than whoever reads, and each thread of it that is in yet another: a
// first thread that has ended is in none.
SEC("iter/task")
int elsewhere(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct record record = {};

	if (!task)
		return 0;
	record.netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	if (!record.netns ||
	    record.netns == BPF_CORE_READ(bpf_get_current_task_btf(), nsproxy, net_ns, ns.inum))
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	if (leader != task && record.netns == BPF_CORE_READ(leader, nsproxy, net_ns, ns.inum))
		return 0;
	fill_numbers(&record, task, leader);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

// How far one ring, or one queue, is looked through: the kernel checks each step by itself before it runs any.
#define STEPS_MAX 128

// Of a file that is a socket; a path to a Unix socket may be open too, and has none behind it (open(2), O_PATH).
static __always_inline struct sock *tell_socket(struct seq_file *seq, struct record *record, struct file *file)
{
	struct socket *socket;
	struct sock *sk;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	record->inode = BPF_CORE_READ(file, f_inode, i_ino);
	bpf_seq_write(seq, record, sizeof(*record));
	return sk;
}

// A ring keeps pointers to files whose lowest bits say what it may do with them.
#define POINTER_MASK (~7UL)

static __always_inline void tell_registered(struct seq_file *seq, struct record *record, unsigned long pointer)
{
	struct file *file = (struct file *)(pointer & POINTER_MASK);

	if (file)
		tell_socket(seq, record, file);
}

// Two loops rather than one that asks each time: what only one of the kernels has must not be moved before the question.
static __always_inline void tell_ring(struct seq_file *seq, struct record *record, struct file *file)
{
	void *ring = file->private_data;

	if (bpf_core_field_exists(struct io_file_table, data)) {
		struct io_rsrc_node **nodes = BPF_CORE_READ((struct io_ring_ctx *)ring, file_table.data.nodes);
		__u32 count = BPF_CORE_READ((struct io_ring_ctx *)ring, file_table.data.nr);

		for (__u32 place = 0; place < STEPS_MAX && place < count; place++) {
			struct io_rsrc_node *node = 0;

			bpf_probe_read_kernel(&node, sizeof(node), nodes + place);
			tell_registered(seq, record, BPF_CORE_READ(node, file_ptr));
		}
	} else {
		void *files = BPF_CORE_READ((struct io_ring_ctx___old *)ring, file_table.files);
		__u32 count = BPF_CORE_READ((struct io_ring_ctx___old *)ring, nr_user_files);

		for (__u32 place = 0; place < STEPS_MAX && place < count; place++) {
			__u64 slot = (__u64)files + place * bpf_core_type_size(struct io_fixed_file___old);

			tell_registered(seq, record, BPF_CORE_READ((struct io_fixed_file___old *)slot, file_ptr));
		}
	}
}

// A place in the queue of a Unix socket: a message, and a file of it.
struct place {
	struct sock *sk;
	struct sk_buff *message;
	__u64 file;
};

// Where in a queue, and where in the one that this was come to from.
struct walk {
	struct place here;
	struct place outer;
};

static __always_inline void enter_queue(struct place *place, struct sock *sk)
{
	place->sk = sk;
	place->message = BPF_CORE_READ(sk, sk_receive_queue.next);
	place->file = 0;
}

// Goes on by one message, or one file of it, which is told of.
static __always_inline void step_on(struct seq_file *seq, struct record *record, struct walk *walk)
{
	struct sk_buff *message = walk->here.message;
	struct unix_skb_parms *carried = (void *)message + bpf_core_field_offset(struct sk_buff, cb);
	struct scm_fp_list *files = BPF_CORE_READ(carried, fp);
	struct sock *sk = walk->here.sk, *inner = 0;
	struct file *file = 0;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		inner = BPF_CORE_READ(message, sk);
		walk->here.message = BPF_CORE_READ(message, next);
	} else if (!files || walk->here.file >= (__u16)BPF_CORE_READ(files, count)) {
		walk->here.message = BPF_CORE_READ(message, next);
		walk->here.file = 0;
	} else {
		bpf_probe_read_kernel(&file, sizeof(file),
				      (void *)files + bpf_core_field_offset(struct scm_fp_list, fp) +
					      walk->here.file * sizeof(file));
		walk->here.file++;
		inner = tell_socket(seq, record, file);
	}
	if (inner && !walk->outer.sk && BPF_CORE_READ(inner, __sk_common.skc_family) == AF_UNIX) {
		walk->outer = walk->here;
		enter_queue(&walk->here, inner);
	}
}

// The files that wait to be received: message by message, and in each its files. A Unix socket among them has a queue
// too, as has a connection that nobody accepted, which a socket that listens has in place of messages: those are looked
// through, and what waits in theirs is not.
static __always_inline void tell_queue(struct seq_file *seq, struct record *record, struct sock *sk)
{
	struct walk walk = {}, next = {};

	enter_queue(&next.here, sk);
	record->flags = FLAG_QUEUED;
	for (__u32 step = 0; step < STEPS_MAX; step++) {
		// Of a copy the kernel knows nothing when it checks this: what it knows, it follows apart through all steps.
		bpf_probe_read_kernel(&walk, sizeof(walk), &next);
		next = walk;
		if (walk.here.message &&
		    (void *)walk.here.message !=
			    (void *)walk.here.sk + bpf_core_field_offset(struct sock, sk_receive_queue)) {
			step_on(seq, record, &next);
			continue;
		}
		if (!walk.outer.sk)
			break;
		next.here = walk.outer;
		next.outer.sk = 0;
	}
	record->flags = 0;
}

static __always_inline int is_ring(struct file *file)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	char begin[8] = {};

	bpf_probe_read_kernel_str(begin, sizeof(begin), name);
	return begin[0] == '[' && begin[1] == 'i' && begin[2] == 'o' && begin[3] == '_' &&
	       begin[4] == 'u' && begin[5] == 'r' && begin[6] == 'i';
}

// Sockets that a process keeps, or will get, without a descriptor of its own: by a ring, or in a queue.
SEC("iter/task_file/kept")
int kept(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct record record = {};
	struct socket *socket;

	if (!task || !file)
		return 0;
	fill_task(&record, task);
	record.fd = ctx->fd;
	socket = bpf_sock_from_file(file);
	if (socket) {
		// Read as those in queues are: what is known to be a socket the verifier would follow apart.
		struct sock *sk = BPF_CORE_READ(socket, sk);

		if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_UNIX)
			tell_queue(ctx->meta->seq, &record, sk);
	} else if (is_ring(file)) {
		tell_ring(ctx->meta->seq, &record, file);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
