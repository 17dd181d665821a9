// Leads what comes in for an address and a port to the socket of the service that they belong to, wherever that listens.
//
// The kernel asks when a packet belongs to no connection, before it looks for a listener itself (net/ipv4/inet_hashtables.c,
// net/ipv4/udp.c): a route is stronger than whoever has bound the very port.
#include "trial.h"

// Sockets, four of each service: for both protocols and both families (enforce/steer/slots.rs).
#define SLOTS_MAX 8192

#define IPV4 4
#define IPV6 6
// No packet comes in for it, so that it can stand for all of an address.
#define EVERY_PORT 0

// What is asked for; the address is one, or all zeros for every one of the family.
struct place {
	__u8 address[16]; // in network order, an IPv4 one in the first four
	__u16 port;
	__u8 protocol;
	__u8 family;
	__u8 padding[4];
};

#define REFUSE 1

struct route {
	__u32 slot;
	__u8 when_dead;
	// Written down for whoever reads the routes back.
	__u8 local;
	__u16 target_port;
};

_Static_assert(sizeof(struct place) == 24, "enforce/steer/routes.rs writes so many bytes");
_Static_assert(sizeof(struct route) == 8, "enforce/steer/routes.rs writes so many bytes");

// The routes of one generation; this very map is none of those, and tells how they are made.
struct routes {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct place);
	__type(value, struct route);
} routes SEC(".maps");

// Those that count, and those that are on trial.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct routes);
} generations SEC(".maps");

// A socket that its last holder closes leaves its slot by itself (net/core/sock_map.c).
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

// What became of what was to be led to each slot.
struct hits {
	__u64 delivered;
	__u64 dead; // nobody was there
	__u64 error; // the kernel did not take the socket
};

_Static_assert(sizeof(struct hits) == 24, "enforce/steer/hits.rs reads so many bytes");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct hits);
} hits SEC(".maps");

// Which service has which four slots, by its name and tenancy, and whose it is.
#define SERVICE_BYTES 64
#define OWNERS_BYTES 4092

struct service {
	char name[SERVICE_BYTES];
};

struct seat {
	__u32 first;
	char owners[OWNERS_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SLOTS_MAX / 4);
	__type(key, struct service);
	__type(value, struct seat);
} services SEC(".maps");

// The most precise one: of the very address and port, of all ports of the address, or of the port on any address.
static __always_inline struct route *route_for(struct place *place)
{
	__u32 generation = counting();
	void *routes = bpf_map_lookup_elem(&generations, &generation);
	__u64 *address = (__u64 *)place->address;
	__u16 port = place->port;
	struct route *route;

	if (!routes)
		return NULL;
	route = bpf_map_lookup_elem(routes, place);
	if (route)
		return route;
	place->port = EVERY_PORT;
	route = bpf_map_lookup_elem(routes, place);
	if (route)
		return route;
	place->port = port;
	address[0] = address[1] = 0;
	return bpf_map_lookup_elem(routes, place);
}

static __always_inline int count(__u64 *of, int answer)
{
	__sync_fetch_and_add(of, 1);
	return answer;
}

SEC("sk_lookup/lead")
int lead(struct bpf_sk_lookup *ctx)
{
	struct place place = {.port = ctx->local_port, .protocol = ctx->protocol};
	__u32 *words = (__u32 *)place.address;
	struct bpf_sock *socket;
	struct route *route;
	struct hits *hit;
	__u32 slot;
	int otherwise;
	long error;

	if (ctx->family == AF_INET) {
		place.family = IPV4;
		words[0] = ctx->local_ip4;
	} else {
		place.family = IPV6;
		words[0] = ctx->local_ip6[0];
		words[1] = ctx->local_ip6[1];
		words[2] = ctx->local_ip6[2];
		words[3] = ctx->local_ip6[3];
	}
	route = route_for(&place);
	if (!route)
		return SK_PASS;
	slot = route->slot;
	otherwise = route->when_dead == REFUSE ? SK_DROP : SK_PASS;
	hit = bpf_map_lookup_elem(&hits, &slot);
	if (!hit)
		return otherwise;
	socket = bpf_map_lookup_elem(&sockets, &slot);
	if (!socket)
		return count(&hit->dead, otherwise);
	error = bpf_sk_assign(ctx, socket, 0);
	bpf_sk_release(socket);
	return error ? count(&hit->error, otherwise) : count(&hit->delivered, SK_PASS);
}

char LICENSE[] SEC("license") = "GPL";
