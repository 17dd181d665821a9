// Which cgroups are units of the host's service manager, by their names alone (systemd.unit(5), core/cgroup.rs).
#pragma once

#include "kernel.h"

// A name of a cgroup, with its end (NAME_MAX of linux/limits.h).
#define NAME_BYTES 256
// Deeper ones than these are not asked for.
#define LEVELS_MAX 10

struct name {
	char text[NAME_BYTES];
};

#define SUFFIX_BYTES 8
// Names of units end so (systemd.unit(5)); of two that are shorter what stands before counts too little to matter.
#define SERVICE 0x656369767265732eULL // ".service"
#define SOCKET 0x74656b636f732e00ULL // ".socket"
#define SCOPE 0x65706f63732e0000ULL // ".scope"
#define SLICE 0x6563696c732e0000ULL // ".slice"

// How many letters of a name, which has so many bytes with its end, tell which kind of unit it is; 0 of any other cgroup.
static __always_inline __u32 suffix_of(const char *name, long bytes, __u64 *suffix)
{
	if (bytes < 2 || bpf_probe_read_kernel(suffix, SUFFIX_BYTES, name + bytes - 1 - SUFFIX_BYTES))
		return 0;
	if (bytes > 9 && *suffix == SERVICE)
		return 8;
	if (bytes > 8 && (*suffix & ~0xffULL) == SOCKET) {
		*suffix >>= 8;
		return 7;
	}
	if (bytes > 7 && (*suffix & ~0xffffULL) == SCOPE) {
		*suffix >>= 16;
		return 6;
	}
	return 0;
}

static __always_inline const char *name_at(struct cgroup *cgroup, __u32 level)
{
	struct cgroup *above;

	bpf_probe_read_kernel(&above, sizeof(above), &cgroup->ancestors[level]);
	return BPF_CORE_READ(above, kn, name);
}

// Whether it lies in slices and nothing else (systemd.slice(5)): what lies in a unit or a container is no unit of the host's
// manager, whatever its name, and nobody but root makes cgroups there.
static __always_inline int is_in_slices(struct cgroup *cgroup, __u32 home, struct name *name)
{
	__u32 own = BPF_CORE_READ(cgroup, level);

	for (__u32 level = 1; level < LEVELS_MAX; level++) {
		const char *above;
		__u64 suffix;
		long bytes;

		if (level >= own)
			break;
		if (level <= home)
			continue;
		above = name_at(cgroup, level);
		bytes = bpf_probe_read_kernel_str(name->text, NAME_BYTES, above);
		if (bytes < 8 || bpf_probe_read_kernel(&suffix, SUFFIX_BYTES, above + bytes - 1 - SUFFIX_BYTES))
			return 0;
		if ((suffix & ~0xffffULL) != SLICE)
			return 0;
	}
	return own <= LEVELS_MAX;
}
