// Keeps the numbers of services for their owners: whoever binds one of them without being its owner is refused, or only
// written down, as the service wants it.
//
// `asked4` and `asked6` hear of a number that somebody asks for by name, before anything else is done about it
// (net/ipv4/af_inet.c); `bound4` and `bound6` hear of the number that he has got, which the kernel may have chosen.
// `made` and `gone` hear of cgroups, so that a unit that starts again is known with nobody watching. `told` tells users of
// themselves, and `openings` who asked for the number that a socket has. Neither lists the elements of a map, which some kernels
// let nobody do.
#include "marks.h"
#include "trial.h"
#include "units.h"

// Numbers that are put in before the programs are loaded.
enum wanted {
	HOME_LOW = 1, // the id of the cgroup below which units are looked for
	HOME_HIGH = 2,
};

#define WANTED(what) ((__u32)bpf_core_enum_value(enum wanted, what))

// So many owners of one number are told apart (core/guard.rs).
#define ENTRIES_MAX 16
// How many owners a cgroup may be: by its path, by its unit and as the socket of its service, and likewise as any instance.
#define SLOTS 5
#define REFUSALS_MAX 4096
// So many of them are looked at in one step of a listing: its buffer has room for as many (kernel/bpf/bpf_iter.c).
#define REFUSALS_A_STEP 200
#define GROUP_BYTES 64
// All numbers of a protocol, 64 to a word.
#define PORT_WORDS 1024

// More than a kernel's `sock_common` has up to there.
#define SOCK_COMMON_BYTES 64

#define IPV4 1
#define IPV6 2

#define USER 1
#define CGROUP 2
#define MARK 3

#define OBSERVE 1
#define ENFORCE 2

// A number in a network namespace.
struct place {
	__u64 netns; // its cookie
	__u16 port;
	__u8 protocol;
	__u8 padding[5];
};

// Where somebody stands on it: at one address, IPv4 in its IPv6 form, or at every one of these families.
struct stand {
	__u8 address[16]; // in network order
	__u8 families;
	__u8 is_one;
};

// Who may.
struct entry {
	__u64 owner; // a user id, the digest of a mark, or the number of a name of cgroups
	struct stand stand;
	__u8 kind;
	__u8 mode;
	__u8 service; // of which service, from 0 on: whoever takes the place of several has to own each
	__u8 padding[3];
};

struct rule {
	__u32 count;
	__u32 padding;
	struct entry entries[ENTRIES_MAX];
};

_Static_assert(sizeof(struct place) == 16, "enforce/guard/rules.rs writes so many bytes");
_Static_assert(sizeof(struct rule) == 8 + ENTRIES_MAX * 32, "enforce/guard/rules.rs writes so many bytes");

// The rules of one generation; this very map is none of those, and tells how they are made.
struct rules {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct place);
	__type(value, struct rule);
} rules SEC(".maps");

// Those that count, and those that are on trial.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct rules);
} generations SEC(".maps");

// The numbers that any rule is about, of TCP and then of UDP, a bit each: all others are nobody's, and are seen to be at once. What
// is no rule any more may stay in it.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * PORT_WORDS);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

// Whoever has a name of cgroups: the owner that is called so, and the one whose socket is.
struct owners {
	__u32 own;
	__u32 service;
};

// Names of cgroups that own something: `u` and a unit, `i` and a unit without its instance, `p` and a path.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct name);
	__type(value, struct owners);
} names SEC(".maps");

// The cgroups that have them now, by id, each with the owners that it is.
struct slots {
	__u32 of[SLOTS];
};

_Static_assert(sizeof(struct slots) == 20, "enforce/guard/names.rs writes so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, struct slots);
} cgroups SEC(".maps");

// The same by both, so that one question tells whether a cgroup is an owner.
struct member {
	__u64 cgroup;
	__u32 owner;
	__u32 padding;
};

_Static_assert(sizeof(struct member) == 16, "enforce/guard/names.rs writes so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct member);
	__type(value, __u8);
} members SEC(".maps");

// Who was refused, or would have been.
struct who {
	struct place place;
	__u64 cgroup;
	__u32 uid;
	__u8 mode;
	__u8 padding[3];
	char name[16];
};

struct tries {
	__u64 count;
	__u64 first; // in nanoseconds since the boot
	__u64 last;
	__u32 pid; // of the last one
	struct stand stand; // of the first one
	__u8 padding[2];
	char group[GROUP_BYTES]; // the last part of the path of his cgroup, which may be gone when somebody asks
};

_Static_assert(sizeof(struct who) == 48, "enforce/guard/tried.rs reads so many bytes");
_Static_assert(sizeof(struct tries) == 112, "enforce/guard/tried.rs reads so many bytes");

// Twice as many have room, as one is put in before another gives place. A map that forgets by itself whoever was not asked for
// would forget by who reads it.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * REFUSALS_MAX);
	__type(key, struct who);
	__type(value, struct tries);
} refused SEC(".maps");

// The same people in the order of their first try, the oldest of whom give place to the newest; whoever gave place and tries again
// is new.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REFUSALS_MAX);
	__type(key, __u32);
	__type(value, struct who);
} order SEC(".maps");

// How many have come into it.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrivals SEC(".maps");

// 0 where it has none.
static __always_inline __u64 mark_of(void *sk)
{
	__u64 *mark = bpf_sk_storage_get(&marks, sk, NULL, 0);

	return mark ? *mark : 0;
}

// Who asked for a number by name, kept with the socket for as long as there is one.
struct opening {
	__u64 at; // in nanoseconds since the boot
	__u64 started; // likewise, his process
	__u32 pid;
	__u32 uid;
	__u32 namespace; // the pid namespace of that process, and its number there
	__u32 number;
	__u16 port; // the one that he asked for: where the socket has another one by now he is not meant
	__u8 padding[6];
	char name[16];
};

// The same as it is told.
struct told_opening {
	struct opening opening;
	__u64 inode; // of the socket
	__u64 mark; // of the socket, or 0
};

_Static_assert(sizeof(struct told_opening) == 72, "enforce/guard/openings.rs reads so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct opening);
} opened SEC(".maps");

// Where names are put together: they are too long for the stack.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct name);
} desk SEC(".maps");

#define GO_ON 1
#define REFUSE 0

static __always_inline int is_anybodys(__u16 port, __u8 protocol)
{
	__u32 word = port / 64 + (protocol == IPPROTO_UDP ? PORT_WORDS : 0);
	__u64 *bits = bpf_map_lookup_elem(&ports, &word);

	return !bits || !(*bits >> (port % 64) & 1);
}

static __always_inline struct rule *rule_for(struct place *place)
{
	__u32 generation = counting();
	void *rules = bpf_map_lookup_elem(&generations, &generation);

	return rules ? bpf_map_lookup_elem(rules, place) : NULL;
}

static __always_inline int is_same(const __u8 *one, const __u8 *other)
{
	const __u64 *a = (const __u64 *)one, *b = (const __u64 *)other;

	return a[0] == b[0] && a[1] == b[1];
}

// As Stand::meets has it (core/ledger/overlap.rs).
static __always_inline int meets(const struct stand *one, const struct stand *other)
{
	if (one->is_one && other->is_one)
		return is_same(one->address, other->address);
	return !!(one->families & other->families);
}

// A cgroup counts with all that are above it.
static __always_inline int is_in(__u32 slot)
{
	for (int level = 0; level <= LEVELS_MAX; level++) {
		struct member member = {.cgroup = bpf_get_current_ancestor_cgroup_id(level), .owner = slot};

		if (!member.cgroup)
			break;
		if (bpf_map_lookup_elem(&members, &member))
			return 1;
	}
	return 0;
}

static __always_inline __u32 user(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, cred, euid.val);
}

static __always_inline int is_owner(const struct entry *entry, __u64 mark)
{
	switch (entry->kind) {
	case USER:
		return entry->owner == user();
	case CGROUP:
		return is_in(entry->owner);
	case MARK:
		return entry->owner == mark;
	}
	return 0;
}

static __always_inline void put_in_order(struct who *who)
{
	__u32 only = 0, at;
	__u64 *count = bpf_map_lookup_elem(&arrivals, &only);
	struct who *place, oldest;

	if (!count)
		return;
	at = __sync_fetch_and_add(count, 1) % REFUSALS_MAX;
	place = bpf_map_lookup_elem(&order, &at);
	if (!place)
		return;
	oldest = *place;
	bpf_map_update_elem(&order, &at, who, 0);
	bpf_map_delete_elem(&refused, &oldest);
}

static __always_inline void write_down(struct place *place, struct stand *stand, __u8 mode)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct who who = {.place = *place, .mode = mode, .uid = user(), .cgroup = bpf_get_current_cgroup_id()};
	struct tries *known;

	bpf_get_current_comm(who.name, sizeof(who.name));
	known = bpf_map_lookup_elem(&refused, &who);
	if (!known) {
		struct tries first = {.count = 1, .first = now, .last = now, .stand = *stand};
		struct task_struct *task = (void *)bpf_get_current_task();

		first.pid = bpf_get_current_pid_tgid() >> 32;
		bpf_probe_read_kernel_str(first.group, GROUP_BYTES, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name));
		if (!bpf_map_update_elem(&refused, &who, &first, BPF_NOEXIST)) {
			put_in_order(&who);
			return;
		}
		// Somebody like him was put in meanwhile.
		known = bpf_map_lookup_elem(&refused, &who);
		if (!known)
			return;
	}
	__sync_fetch_and_add(&known->count, 1);
	known->last = now;
	known->pid = bpf_get_current_pid_tgid() >> 32;
}

// How the services are kept whose place is taken, and that are not whoever takes it: 0 where there is none.
static __always_inline __u8 wronged(struct rule *rule, struct stand *stand, __u64 mark)
{
	// Nothing, which the verifier cannot tell from something: of each beginning with a 0 that it knows it would follow every way.
	__u32 none = rule->padding, touched = none, owned = none, enforced = none;

	for (__u32 at = 0; at < ENTRIES_MAX; at++) {
		struct entry *entry = &rule->entries[at];
		__u32 service = 1u << (entry->service & (ENTRIES_MAX - 1));

		if (at >= rule->count)
			break;
		if (!meets(&entry->stand, stand))
			continue;
		touched |= service;
		if (entry->mode == ENFORCE)
			enforced |= service;
		if (!(owned & service) && is_owner(entry, mark))
			owned |= service;
	}
	touched &= ~owned;
	if (touched & enforced)
		return ENFORCE;
	return touched ? OBSERVE : 0;
}

// IPv4 in its IPv6 form is IPv4 (RFC 4291, 2.5.5.2).
static __always_inline void at_ipv4(struct stand *stand, __u32 address)
{
	__u32 *words = (__u32 *)stand->address;

	words[0] = words[1] = 0;
	words[2] = __builtin_bswap32(0xffff);
	words[3] = address;
	stand->families = IPV4;
	stand->is_one = address != 0;
}

static __always_inline void at_ipv6(struct stand *stand, const __u32 *address, int is_alone)
{
	__u32 *words = (__u32 *)stand->address;

	if (!address[0] && !address[1] && address[2] == __builtin_bswap32(0xffff)) {
		at_ipv4(stand, address[3]);
		return;
	}
	for (int at = 0; at < 4; at++)
		words[at] = address[at];
	stand->is_one = address[0] || address[1] || address[2] || address[3];
	stand->families = stand->is_one || is_alone ? IPV6 : IPV4 | IPV6;
}

static __always_inline __u8 protocol_of(__u32 protocol)
{
	return protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol;
}

// Whether it leaves IPv4 to others. Behind a socket that the verifier knows as one nothing is read but by its very address.
static __always_inline int is_alone(struct bpf_sock *sk)
{
	__u64 copy[SOCK_COMMON_BYTES / 8];
	struct sock_common *common = (void *)copy;

	if (bpf_probe_read_kernel(copy, sizeof(copy), sk))
		return 0;
	return BPF_CORE_READ_BITFIELD(common, skc_ipv6only);
}

// Where a process has its number in its own pid namespace.
static __always_inline struct upid *own_number(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return number_at(pid, BPF_CORE_READ(pid, level));
}

// What the kernel chose nobody asked for.
static __always_inline int remember(struct bpf_sock *sk, __u16 port)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;
	struct pid *pid = leader->thread_pid;
	struct opening *opening;

	// Whoever has a number already gets no other (net/ipv4/af_inet.c).
	if (!port || sk->src_port)
		return GO_ON;
	opening = bpf_sk_storage_get(&opened, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!opening)
		return GO_ON;
	opening->at = bpf_ktime_get_boot_ns();
	opening->started = leader->start_boottime;
	opening->pid = task->tgid;
	opening->uid = task->cred->euid.val;
	if (pid->level) {
		struct upid *number = own_number(leader);

		opening->namespace = BPF_CORE_READ(number, ns, ns.inum);
		opening->number = BPF_CORE_READ(number, nr);
	} else {
		opening->namespace = pid->numbers[0].ns->ns.inum;
		opening->number = opening->pid;
	}
	opening->port = port;
	bpf_get_current_comm(opening->name, sizeof(opening->name));
	return GO_ON;
}

// Who is only written down is heard of again once he has the number, and not where somebody else had it already.
static __always_inline int asked(struct bpf_sock *sk, struct place *place, struct stand *stand)
{
	struct rule *rule = rule_for(place);

	if (!rule || wronged(rule, stand, mark_of(sk)) != ENFORCE)
		return GO_ON;
	write_down(place, stand, ENFORCE);
	return REFUSE;
}

// What the compiler would otherwise make of two branches is an address that the verifier does not take for the context.
#define AS_IT_IS(value) asm volatile("" : "+r"(value))

SEC("cgroup/bind4")
int asked4(struct bpf_sock_addr *ctx)
{
	__u32 port = ctx->user_port, address = ctx->user_ip4, protocol = ctx->protocol;
	struct bpf_sock *sk = ctx->sk;
	struct place place = {};
	struct stand stand;

	AS_IT_IS(port);
	AS_IT_IS(address);
	place.port = __builtin_bswap16(port);
	place.protocol = protocol_of(protocol);
	if (!sk)
		return GO_ON;
	if (!is_anybodys(place.port, place.protocol)) {
		place.netns = bpf_get_netns_cookie(ctx);
		at_ipv4(&stand, address);
		if (asked(sk, &place, &stand) == REFUSE)
			return REFUSE;
	}
	return remember(sk, place.port);
}

SEC("cgroup/bind6")
int asked6(struct bpf_sock_addr *ctx)
{
	__u32 port = ctx->user_port, protocol = ctx->protocol;
	__u32 address[4];
	struct bpf_sock *sk = ctx->sk;
	struct place place = {};
	struct stand stand;

	AS_IT_IS(port);
	address[0] = ctx->user_ip6[0];
	AS_IT_IS(address[0]);
	address[1] = ctx->user_ip6[1];
	AS_IT_IS(address[1]);
	address[2] = ctx->user_ip6[2];
	AS_IT_IS(address[2]);
	address[3] = ctx->user_ip6[3];
	AS_IT_IS(address[3]);
	place.port = __builtin_bswap16(port);
	place.protocol = protocol_of(protocol);
	if (!sk)
		return GO_ON;
	if (!is_anybodys(place.port, place.protocol)) {
		place.netns = bpf_get_netns_cookie(ctx);
		at_ipv6(&stand, address, is_alone(sk));
		if (asked(sk, &place, &stand) == REFUSE)
			return REFUSE;
	}
	return remember(sk, place.port);
}

static __always_inline int has(struct bpf_sock *ctx, struct place *place, struct stand *stand)
{
	struct rule *rule = rule_for(place);
	__u8 mode;

	if (!rule)
		return GO_ON;
	mode = wronged(rule, stand, mark_of(ctx));
	if (!mode)
		return GO_ON;
	write_down(place, stand, mode);
	return mode == ENFORCE ? REFUSE : GO_ON;
}

SEC("cgroup/post_bind4")
int bound4(struct bpf_sock *ctx)
{
	struct place place = {.port = ctx->src_port, .protocol = protocol_of(ctx->protocol)};
	struct stand stand;

	if (is_anybodys(place.port, place.protocol))
		return GO_ON;
	place.netns = bpf_get_netns_cookie(ctx);
	at_ipv4(&stand, ctx->src_ip4);
	return has(ctx, &place, &stand);
}

SEC("cgroup/post_bind6")
int bound6(struct bpf_sock *ctx)
{
	struct place place = {.port = ctx->src_port, .protocol = protocol_of(ctx->protocol)};
	__u32 address[4];
	struct stand stand;

	if (is_anybodys(place.port, place.protocol))
		return GO_ON;
	place.netns = bpf_get_netns_cookie(ctx);
	address[0] = ctx->src_ip6[0];
	AS_IT_IS(address[0]);
	address[1] = ctx->src_ip6[1];
	AS_IT_IS(address[1]);
	address[2] = ctx->src_ip6[2];
	AS_IT_IS(address[2]);
	address[3] = ctx->src_ip6[3];
	AS_IT_IS(address[3]);
	at_ipv6(&stand, address, is_alone(ctx));
	return has(ctx, &place, &stand);
}

// Who has a name, where anybody does: puts two numbers there.
static __always_inline int find(struct name *name, __u32 *slots)
{
	struct owners *owners = bpf_map_lookup_elem(&names, name);

	if (!owners)
		return 0;
	slots[0] = owners->own;
	slots[1] = owners->service;
	return 1;
}

// How deep the home lies, and how long its path is, of which those below go on; nothing of a cgroup that does not lie below it.
// Cgroups of the first version stand beside those of the second, and may have the same paths.
static __always_inline int is_below_home(struct cgroup *cgroup, __u32 *home, __u32 *path_bytes, struct name *name)
{
	__u64 id = (__u64)WANTED(HOME_HIGH) << 32 | WANTED(HOME_LOW);
	__u32 own = BPF_CORE_READ(cgroup, level);

	*path_bytes = 0;
	if (BPF_CORE_READ(cgroup, root, hierarchy_id))
		return 0;
	for (__u32 level = 0; level < LEVELS_MAX; level++) {
		struct cgroup *above;

		if (level >= own)
			break;
		bpf_probe_read_kernel(&above, sizeof(above), &cgroup->ancestors[level]);
		// The end of a name is as long as the line before it.
		if (level)
			*path_bytes += bpf_probe_read_kernel_str(name->text, NAME_BYTES, BPF_CORE_READ(above, kn, name));
		*home = level;
		if (BPF_CORE_READ(above, kn, id) == id)
			return 1;
	}
	return 0;
}

#define EACH_BYTE(value) (0x0101010101010101ULL * (value))

// Where the first @ of a name is; 0 where there is none. Eight letters at a time: the verifier follows each turn of a loop to the
// end.
static __always_inline __u32 at_sign(struct name *name)
{
	for (__u32 word = 0; word < NAME_BYTES / 8; word++) {
		__u64 letters = ((__u64 *)name->text)[word] ^ EACH_BYTE('@');
		// The lowest bit of it is in the first letter that is one.
		__u64 found = (letters - EACH_BYTE(1)) & ~letters & EACH_BYTE(0x80);

		if (found)
			return word * 8 + (((found & -found) >> 7) * 0x0001020304050607ULL >> 56);
	}
	return 0;
}

// `ipostgresql@.service` of `postgresql@15-main.service`, which `of` has behind another letter; nobody without an instance.
static __always_inline int find_instance(struct name *of, struct name *name, __u64 suffix, __u32 letters, __u32 *slots)
{
	__u32 at = at_sign(of);

	if (!at || at >= NAME_BYTES - SUFFIX_BYTES - 2 || letters > SUFFIX_BYTES)
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	bpf_probe_read_kernel(name->text, at + 1, of->text);
	bpf_probe_read_kernel(name->text + at + 1, letters, &suffix);
	name->text[0] = 'i';
	return find(name, slots);
}

static __always_inline int find_unit(struct slots *slots, struct cgroup *cgroup, __u32 home, struct name *name,
				     struct name *other)
{
	const char *own = BPF_CORE_READ(cgroup, kn, name);
	__u64 suffix = 0;
	__u32 letters;
	long bytes;

	if (!is_in_slices(cgroup, home, other))
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	name->text[0] = 'u';
	bytes = bpf_probe_read_kernel_str(name->text + 1, NAME_BYTES - 1, own);
	letters = suffix_of(own, bytes, &suffix);
	if (!letters)
		return 0;
	return find(name, &slots->of[1]) | find_instance(name, other, suffix, letters, &slots->of[3]);
}

SEC("tp_btf/cgroup_mkdir")
int made(__u64 *ctx)
{
	struct cgroup *cgroup = (struct cgroup *)ctx[0];
	const char *path = (const char *)ctx[1];
	__u32 first = 0, second = 1;
	struct name *name = bpf_map_lookup_elem(&desk, &first);
	struct name *other = bpf_map_lookup_elem(&desk, &second);
	struct slots slots = {};
	__u32 home, path_bytes;
	int is_owner;
	__u64 id;

	if (!name || !other || !is_below_home(cgroup, &home, &path_bytes, other))
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	name->text[0] = 'p';
	bpf_probe_read_kernel_str(name->text + 1, NAME_BYTES - 1, path + path_bytes);
	// Of a path nobody is the socket: what stands there the unit takes over.
	is_owner = find(name, &slots.of[0]);
	is_owner |= find_unit(&slots, cgroup, home, name, other);
	if (!is_owner)
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	for (int at = 0; at < SLOTS; at++) {
		struct member member = {.cgroup = id, .owner = slots.of[at]};
		__u8 is_one = 1;

		if (member.owner)
			bpf_map_update_elem(&members, &member, &is_one, 0);
	}
	bpf_map_update_elem(&cgroups, &id, &slots, 0);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int gone(__u64 *ctx)
{
	__u64 id = BPF_CORE_READ((struct cgroup *)ctx[0], kn, id);
	struct slots *slots = bpf_map_lookup_elem(&cgroups, &id);

	if (!slots)
		return 0;
	for (int at = 0; at < SLOTS; at++) {
		struct member member = {.cgroup = id, .owner = slots->of[at]};

		bpf_map_delete_elem(&members, &member);
	}
	bpf_map_delete_elem(&cgroups, &id);
	return 0;
}

// Tells whoever reads it of those who had his rights, and root of all: the newest first, some with each task that there is. Where
// the reader sees too few tasks for all of them, nobody at all ends the list.
SEC("iter/task")
int told(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u64 begin = ctx->meta->seq_num * REFUSALS_A_STEP, newest;
	__u32 only = 0, reader = user();
	__u64 *count = bpf_map_lookup_elem(&arrivals, &only);
	struct who who = {};

	if (!count)
		return 0;
	newest = *count;
	if (begin >= REFUSALS_MAX || begin >= newest)
		return 0;
	if (!ctx->task) {
		struct tries none = {};

		bpf_seq_write(seq, &who, sizeof(who));
		bpf_seq_write(seq, &none, sizeof(none));
		return 0;
	}
	for (__u32 step = 0; step < REFUSALS_A_STEP; step++) {
		__u32 at = (newest - 1 - begin - step) % REFUSALS_MAX;
		struct who *known = bpf_map_lookup_elem(&order, &at);
		struct tries *tries;

		if (!known || begin + step >= REFUSALS_MAX)
			break;
		who = *known;
		if (reader && reader != who.uid)
			continue;
		tries = bpf_map_lookup_elem(&refused, &who);
		if (!tries)
			continue;
		bpf_seq_write(seq, &who, sizeof(who));
		bpf_seq_write(seq, tries, sizeof(*tries));
	}
	return 0;
}

// How many programs of others are let keep something with a socket too.
#define STORED_MAX 32

// What a map keeps with a socket, where the kernel does not take the pointer for one of a socket: newer verifiers trust none that
// was read through another, so it is looked for as the kernel does (kernel/bpf/bpf_local_storage.c, `bpf_local_storage_lookup`).
static __always_inline void *stored(struct sock *sk, __u32 map_id)
{
	struct hlist_node *node = BPF_CORE_READ(sk, sk_bpf_storage, list.first);

	for (__u32 step = 0; step < STORED_MAX && node; step++) {
		struct bpf_local_storage_elem *element =
			(void *)node - bpf_core_field_offset(struct bpf_local_storage_elem, snode);

		if (BPF_CORE_READ(element, sdata.smap, map.id) == map_id)
			return (void *)element + bpf_core_field_offset(struct bpf_local_storage_elem, sdata) +
			       bpf_core_field_offset(struct bpf_local_storage_data, data);
		node = BPF_CORE_READ(node, next);
	}
	return 0;
}

// Tells of each socket that some process has who asked for its number, as whoever reads numbers processes; of one that several
// have it tells as often.
SEC("iter/task_file")
int openings(struct bpf_iter__task_file *ctx)
{
	struct told_opening told = {};
	struct file *file = ctx->file;
	void *opening, *mark;
	struct socket *socket;
	struct upid *reader;
	struct sock *sk;

	if (!ctx->task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return 0;
	opening = stored(sk, ((struct bpf_map *)&opened)->id);
	if (!opening)
		return 0;
	bpf_probe_read_kernel(&told.opening, sizeof(told.opening), opening);
	if (BPF_CORE_READ(sk, __sk_common.skc_num) != told.opening.port)
		return 0;
	reader = own_number(bpf_get_current_task_btf());
	if (BPF_CORE_READ(reader, ns, ns.inum) == told.opening.namespace)
		told.opening.pid = told.opening.number;
	else if (BPF_CORE_READ(reader, ns, level))
		return 0;
	told.inode = file->f_inode->i_ino;
	mark = stored(sk, ((struct bpf_map *)&marks)->id);
	if (mark)
		bpf_probe_read_kernel(&told.mark, sizeof(told.mark), mark);
	bpf_seq_write(ctx->meta->seq, &told, sizeof(told));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
