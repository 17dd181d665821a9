// Tells who touches ports of nobody's, and who finishes a handshake, in one network namespace.
//
// `dropped` hears of each packet that the kernel lets go because a rule of the packet filter dropped it or nobody has its
// port (include/trace/events/skb.h); `shaken` of each TCP connection that a stranger has opened (include/trace/events/sock.h).
// The kernel counts, and little is told: a source that touches one port, however often, is a cell of an array, and one more in
// the count of that port; with its second port it gets a record, and its first ports are told, then those at which their number
// has doubled. A source of which several neighbours came lately is told with its first port.
#include "kernel.h"
#include "lost.h"

// Numbers that are put in before the program is loaded.
enum wanted {
	NETWORK_NAMESPACE = 1, // by inode
	CLIENT_FIRST = 2, // the ports that the kernel gives to clients
	CLIENT_LAST = 3,
};

#define WANTED(what) ((__u32)bpf_core_enum_value(enum wanted, what))

#define TOUCHED 1
#define SHAKEN 2

// Ports of a source that are told each, as far as the program tells them apart.
#define PORTS_TOLD 8
// A source that has touched so many ports at most may be one of many that share a scan: core/watch/scan.rs decides.
#define PORTS_SHARED 3

// A minute and some. What comes again so many of them later, so after ten minutes at least, is a first touch again. A clock that
// is less exact would do, but programs at tracepoints may not ask for one (kernel/trace/bpf_trace.c).
#define PERIOD_SHIFT 36
#define PERIODS_QUIET 10
// Of which the sources of a network are counted together.
#define PERIODS_TOGETHER_SHIFT 3

// A source is told with its first port where so many of its network came within nine minutes; from the next number on
// only where their count has doubled.
#define NEIGHBOURS_MIN 4
#define NEIGHBOURS_TOLD 32

// A source whose handshake was told is not told of again for so long: ten minutes.
#define QUIET_NS (600ull * 1000 * 1000 * 1000)

// What is told; addresses and numbers are in network order.
struct event {
	__u64 at; // in nanoseconds since the boot
	__u64 packets; // of this source
	__u32 ports; // of this source, as far as they are told apart
	__be16 port;
	__be16 from_port;
	__be16 port_before; // the one that was touched before and not told; 0 for none
	__u8 kind;
	__u8 family;
	__u8 protocol;
	__u8 protocol_before;
	__u8 flags; // of the header of TCP
	__u8 padding;
	__u8 from[16];
	__u8 to[16];
};

_Static_assert(sizeof(struct event) == 64, "events/probing/event.rs reads so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

#define CELL_BITS 20

// A source that has touched one port. From the lowest bit: the port in 16, the protocol in one, the period in 16, whether it
// was told in one, and in 30 what tells it from others of its cell.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << CELL_BITS);
	__type(key, __u32);
	__type(value, __u64);
} touched_once SEC(".maps");

#define ASKED_BITS 17
#define ASKED_MASK ((1u << ASKED_BITS) - 1)
#define PERIOD_MASK 0xffffull
#define WAS_TOLD (1ull << 33)
#define TAG_MASK (~0ull << 34)

// include/uapi/linux/bpf.h: whoever made it may map its memory.
#define BPF_F_MMAPABLE 1024

// First touches of each port that were not told, as `asked` numbers them: whoever reads it knows the rest from the events. One
// count for all processors, and shared memory, so that reading all of it is no call.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << ASKED_BITS);
	__type(key, __u32);
	__type(value, __u64);
} first_touches SEC(".maps");

#define NETWORK_BITS 16

// How many sources of a network came together. From the lowest bit: the count in 16, the period in 16, and in 32 what tells it
// from others of its cell.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << NETWORK_BITS);
	__type(key, __u32);
	__type(value, __u64);
} networks SEC(".maps");

#define COUNT_MASK 0xffffull
// Of a source: 24 bits of IPv4, 48 of IPv6, as they lie in memory.
#define NETWORK4 0xffffffull
#define NETWORK6 0xffffffffffffull

// An IPv4 address, or the upper half of one of IPv6.
struct source {
	__u64 network;
	__u64 family;
};

// What whoever goes on with these maps later knows a source by is kept, too: events/probing/remembered.rs reads it.
struct prober {
	__u64 packets;
	__u64 ports_seen[4]; // a bit each, by a hash
	__u64 first; // when something was told first, in nanoseconds since the boot, and when last
	__u64 last;
	__u32 ports;
	__u32 period; // of the last
	__u32 told[PORTS_TOLD]; // the first ports, as `asked` numbers them; 0 for none
	__u8 to[16];
};

_Static_assert(sizeof(struct prober) == 112, "events/probing/remembered.rs reads so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct source);
	__type(value, struct prober);
} probers SEC(".maps");

// When a handshake of this source was told.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct source);
	__type(value, __u64);
} known SEC(".maps");

// A number that nobody else knows, so that nobody can choose addresses that push others out of their cells. It is as old as they.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} seed SEC(".maps");

// What is known of a packet before it is decided whether it is told.
struct packet {
	struct source source;
	__u8 from[16];
	__u8 to[16];
	__be16 from_port;
	__be16 port;
	__u8 family;
	__u8 protocol;
	__u8 flags;
};

// include/linux/if_packet.h: it came for this very host.
#define PACKET_HOST 0
// include/uapi/linux/if.h
#define IFF_LOOPBACK 8
// include/uapi/linux/if_ether.h, in network order
#define ETH_P_IP 0x0008
#define ETH_P_IPV6 0xdd86

// What is read of the headers, as they lie in the packet (RFC 791, 8200, 9293).
struct ipv4_header {
	__u8 before_fragment[6];
	__be16 fragment;
	__u8 time_to_live;
	__u8 protocol;
	__be16 checksum;
	__u8 from[4];
	__u8 to[4];
};

struct ipv6_header {
	__u8 before_next[6];
	__u8 next;
	__u8 hop_limit;
	__u8 from[16];
	__u8 to[16];
};

struct transport_header {
	__be16 from_port;
	__be16 port;
	__u8 sequence[9];
	__u8 tcp_flags;
};

#define TCP_BYTES_MIN 14
#define UDP_BYTES_MIN 4

_Static_assert(sizeof(struct ipv4_header) == 20 && sizeof(struct ipv6_header) == 40, "no gaps");
_Static_assert(sizeof(struct transport_header) == TCP_BYTES_MIN, "no gaps");

#define FRAGMENT_OFFSET 0xff1f // in network order

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

// Mixes all bits of a number (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
static __always_inline __u64 mixed(__u64 number)
{
	number ^= number >> 30;
	number *= 0xbf58476d1ce4e5b9ull;
	number ^= number >> 27;
	number *= 0x94d049bb133111ebull;
	return number ^ number >> 31;
}

static __always_inline void set_source(struct source *source, __u8 family, const __u8 *address)
{
	source->family = family;
	source->network = 0;
	if (family == AF_INET)
		__builtin_memcpy(&source->network, address, 4);
	else
		__builtin_memcpy(&source->network, address, 8);
}

static __always_inline int read_ipv4(struct packet *packet, void *network)
{
	struct ipv4_header header;

	bpf_probe_read_kernel(&header, sizeof(header), network);
	packet->family = AF_INET;
	packet->protocol = header.protocol;
	__builtin_memcpy(packet->from, header.from, sizeof(header.from));
	__builtin_memcpy(packet->to, header.to, sizeof(header.to));
	// Of a later fragment nobody knows the port.
	return (header.fragment & FRAGMENT_OFFSET) == 0;
}

static __always_inline int read_ipv6(struct packet *packet, void *network)
{
	struct ipv6_header header;

	bpf_probe_read_kernel(&header, sizeof(header), network);
	packet->family = AF_INET6;
	packet->protocol = header.next;
	__builtin_memcpy(packet->from, header.from, sizeof(header.from));
	__builtin_memcpy(packet->to, header.to, sizeof(header.to));
	return 1;
}

static __always_inline int read_addresses(struct packet *packet, void *network, __be16 protocol)
{
	if (protocol == ETH_P_IP)
		return read_ipv4(packet, network);
	return protocol == ETH_P_IPV6 && read_ipv6(packet, network);
}

static __always_inline int read_ports(struct packet *packet, void *transport, __u32 bytes)
{
	struct transport_header header;

	if (packet->protocol == IPPROTO_TCP && bytes >= TCP_BYTES_MIN) {
		bpf_probe_read_kernel(&header, TCP_BYTES_MIN, transport);
		packet->flags = header.tcp_flags;
	} else if (packet->protocol == IPPROTO_UDP && bytes >= UDP_BYTES_MIN) {
		bpf_probe_read_kernel(&header, UDP_BYTES_MIN, transport);
	} else {
		return 0;
	}
	packet->from_port = header.from_port;
	packet->port = header.port;
	return 1;
}

// Whether the packet came from outside for this host, and by which ports. The kernel vouches for `skb`, so that its parts are
// loads, and no calls.
static __always_inline int read_packet(struct packet *packet, struct sk_buff *skb)
{
	struct net_device *device = skb->dev;
	__u16 network = skb->network_header, transport = skb->transport_header;
	__u32 tail = skb->tail;
	void *head = skb->head;

	if (!device || (device->flags & IFF_LOOPBACK) ||
	    device->nd_net.net->ns.inum != WANTED(NETWORK_NAMESPACE) ||
	    BPF_CORE_READ_BITFIELD(skb, pkt_type) != PACKET_HOST)
		return 0;
	// What was not read yet says that it stands at 65535 or before the address.
	if (transport <= network || transport >= tail)
		return 0;
	return read_addresses(packet, head + network, skb->protocol) &&
	       read_ports(packet, head + transport, tail - transport);
}

static __always_inline int is_clients(__u16 port)
{
	return port >= WANTED(CLIENT_FIRST) && port <= WANTED(CLIENT_LAST);
}

// What is no evidence whatever the policy says, so that it takes no cell: core/watch/evidence.rs decides, and gives the reasons.
static __always_inline int is_innocent(struct packet *packet)
{
	__u16 port = __builtin_bswap16(packet->port), from = __builtin_bswap16(packet->from_port);
	__u8 flags = packet->flags & (FIN | SYN | RST | ACK);

	if (packet->protocol == IPPROTO_TCP)
		return (flags & RST) || flags == (SYN | ACK) || ((flags & ACK) && is_clients(port));
	return (port >= 33434 && port <= 33534) || ((from == 53 || from == 123 || from == 443) && is_clients(port));
}

static __always_inline void tell(struct packet *packet, struct prober *prober, __u32 before)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count_as_lost();
		return;
	}
	event->at = bpf_ktime_get_boot_ns();
	event->packets = prober->packets;
	event->ports = prober->ports;
	event->port = packet->port;
	event->from_port = packet->from_port;
	event->port_before = (__be16)before;
	event->kind = TOUCHED;
	event->family = packet->family;
	event->protocol = packet->protocol;
	event->protocol_before = before >> 16 & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	event->flags = packet->flags;
	event->padding = 0;
	__builtin_memcpy(event->from, packet->from, sizeof(event->from));
	__builtin_memcpy(event->to, packet->to, sizeof(event->to));
	bpf_ringbuf_submit(event, 0);
}

// The protocol and the port, in 17 bits.
static __always_inline __u32 asked(struct packet *packet)
{
	return (packet->protocol == IPPROTO_UDP) << 16 | packet->port;
}

// Whether this port is new, as far as 256 bits tell.
static __always_inline int is_new(struct prober *prober, __u32 asked)
{
	__u8 place = mixed(asked + 1);
	__u64 bit = 1ull << (place & 63);
	__u64 *word = &prober->ports_seen[place >> 6 & 3];

	if (*word & bit)
		return 0;
	*word |= bit;
	return 1;
}

static __always_inline int is_told(__u32 ports)
{
	return ports <= PORTS_TOLD || (ports & (ports - 1)) == 0;
}

static __always_inline __u64 hash_of(__u64 network, __u64 family)
{
	__u32 only = 0;
	__u64 *secret = bpf_map_lookup_elem(&seed, &only);

	return mixed(network ^ mixed(family + (secret ? *secret : 0)));
}

// Whether this source is told with its first port: several others of its network came lately.
static __always_inline int has_neighbours(struct source *source, __u64 period)
{
	__u64 network = source->network & (source->family == AF_INET ? NETWORK4 : NETWORK6);
	// Another hash than that of the source itself, whose network may be the same number.
	__u64 hash = hash_of(network, source->family << 8), owner;
	__u32 place = hash & ((1 << NETWORK_BITS) - 1), count = 1;
	__u64 *cell = bpf_map_lookup_elem(&networks, &place);

	if (!cell)
		return 0;
	owner = (hash & ~0xffffffffull) | period >> PERIODS_TOGETHER_SHIFT << 16;
	if ((*cell & ~COUNT_MASK) == owner)
		count = (*cell & COUNT_MASK) + 1;
	if (count <= COUNT_MASK)
		*cell = owner | count;
	return count >= NEIGHBOURS_MIN && (count <= NEIGHBOURS_TOLD || (count & (count - 1)) == 0);
}

static __always_inline void count(__u32 asked, __u64 more)
{
	__u64 *touches = bpf_map_lookup_elem(&first_touches, &asked);

	if (touches)
		__sync_fetch_and_add(touches, more);
}

// Somebody who is in no cell, or whose touch was long ago: told, or one more of that port.
static __always_inline void begin(struct packet *packet, __u64 *cell, __u64 tag, __u64 period)
{
	struct prober fresh = { .packets = 1, .ports = 1 };
	__u32 now = asked(packet);

	if (has_neighbours(&packet->source, period)) {
		*cell = tag | WAS_TOLD | period << ASKED_BITS | now;
		tell(packet, &fresh, 0);
		return;
	}
	*cell = tag | period << ASKED_BITS | now;
	count(now, 1);
}

static __always_inline int is_long_ago(__u16 before, __u16 period)
{
	return (__u16)(period - before) >= PERIODS_QUIET;
}

static __always_inline __u64 period_now(void)
{
	return bpf_ktime_get_ns() >> PERIOD_SHIFT & PERIOD_MASK;
}

// Counts a port of this source; whether it is told.
static __always_inline int counts(struct prober *prober, __u32 asked)
{
	__u32 place = __sync_fetch_and_add(&prober->ports, 1);

	if (place < PORTS_TOLD)
		prober->told[place] = asked;
	return is_told(place + 1);
}

// Nothing is held against him any more, and this is the first that he does since.
static __always_inline void begin_anew(struct packet *packet, struct prober *prober)
{
	if (prober->first)
		return;
	prober->first = prober->last;
	__builtin_memcpy(prober->to, packet->to, sizeof(prober->to));
}

static __always_inline void touch_again(struct packet *packet, struct prober *prober)
{
	__u32 is_news = 0, period = prober->period, now = asked(packet);

	// Of whoever scans alone it need not be known.
	if (prober->ports <= PORTS_SHARED) {
		period = period_now();
		is_news = is_long_ago(prober->period, period);
	}
	__sync_fetch_and_add(&prober->packets, 1);
	if (is_new(prober, now))
		is_news = counts(prober, now);
	if (is_news) {
		prober->period = period;
		prober->last = bpf_ktime_get_boot_ns();
		begin_anew(packet, prober);
		tell(packet, prober, 0);
	}
}

static __always_inline void touch(struct packet *packet)
{
	struct prober fresh = {}, *prober = bpf_map_lookup_elem(&probers, &packet->source);
	__u64 hash = hash_of(packet->source.network, packet->source.family);
	__u64 tag = hash & TAG_MASK, period, was, *cell;
	__u32 place = hash & ((1 << CELL_BITS) - 1), now = asked(packet), before, is_known;

	if (prober) {
		touch_again(packet, prober);
		return;
	}
	cell = bpf_map_lookup_elem(&touched_once, &place);
	if (!cell)
		return;
	period = period_now();
	was = *cell;
	before = was & ASKED_MASK;
	is_known = was != 0 && (was & TAG_MASK) == tag;
	if (is_known && before == now && !is_long_ago(was >> ASKED_BITS, period))
		return;
	if (!is_known || before == now) {
		begin(packet, cell, tag, period);
		return;
	}
	is_new(&fresh, before);
	is_new(&fresh, now);
	fresh.ports = 2;
	fresh.packets = 2;
	fresh.told[0] = before;
	fresh.told[1] = now;
	fresh.period = period;
	fresh.first = fresh.last = bpf_ktime_get_boot_ns();
	__builtin_memcpy(fresh.to, packet->to, sizeof(fresh.to));
	bpf_map_update_elem(&probers, &packet->source, &fresh, 0);
	// What is told is counted by whoever hears it.
	if (!(was & WAS_TOLD))
		count(before, -1);
	tell(packet, &fresh, before);
}

SEC("tp_btf/kfree_skb")
int dropped(__u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	__u32 reason = ctx[2];
	struct packet packet = {};

	if (reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NO_SOCKET) &&
	    reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NETFILTER_DROP))
		return 0;
	if (!read_packet(&packet, skb) || is_innocent(&packet))
		return 0;
	set_source(&packet.source, packet.family, packet.from);
	touch(&packet);
	return 0;
}

static __always_inline void read_peer(struct packet *packet, struct sock *sk)
{
	__u32 words[4];

	packet->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (packet->family == AF_INET) {
		bpf_probe_read_kernel(packet->from, 4, &sk->__sk_common.skc_daddr);
		return;
	}
	bpf_probe_read_kernel(words, sizeof(words), &sk->__sk_common.skc_v6_daddr);
	// ::ffff:0:0/96 (RFC 4291 §2.5.5.2)
	if (words[0] == 0 && words[1] == 0 && words[2] == 0xffff0000) {
		packet->family = AF_INET;
		__builtin_memcpy(packet->from, &words[3], 4);
	} else {
		__builtin_memcpy(packet->from, words, sizeof(words));
	}
}

SEC("tp_btf/inet_sock_set_state")
int shaken(__u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	int before = ctx[1], after = ctx[2];
	struct packet packet = { .protocol = IPPROTO_TCP };
	__u64 now = bpf_ktime_get_boot_ns(), *told;
	struct event *event;

	if (before != TCP_SYN_RECV || after != TCP_ESTABLISHED ||
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != WANTED(NETWORK_NAMESPACE))
		return 0;
	read_peer(&packet, sk);
	set_source(&packet.source, packet.family, packet.from);
	told = bpf_map_lookup_elem(&known, &packet.source);
	if (told && now - *told < QUIET_NS)
		return 0;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_as_lost();
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->at = now;
	event->kind = SHAKEN;
	event->family = packet.family;
	event->protocol = IPPROTO_TCP;
	event->port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_num));
	__builtin_memcpy(event->from, packet.from, sizeof(event->from));
	bpf_ringbuf_submit(event, 0);
	bpf_map_update_elem(&known, &packet.source, &now, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
