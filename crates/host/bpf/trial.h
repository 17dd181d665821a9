// Which of two generations of what programs are told counts: those for good, or those on trial.
#pragma once

#include "kernel.h"

#define FOR_GOOD 0
#define ON_TRIAL 1

// Until when the second one counts, in nanoseconds since the boot: from then on the first one does again, whoever is there
// to see to it. 0 where nothing is on trial.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} trial SEC(".maps");

static __always_inline __u32 counting(void)
{
	__u32 only = 0;
	__u64 *end = bpf_map_lookup_elem(&trial, &only);

	return end && *end && bpf_ktime_get_boot_ns() < *end ? ON_TRIAL : FOR_GOOD;
}
