// Of which mark a socket is: what the guard knows an owner by that has no cgroup or user of its own.
#pragma once

#include "kernel.h"

// Beside each socket that has one the digest of its name: nobody sets it who may not load programs, as anybody may SO_MARK who has
// CAP_NET_ADMIN.
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} marks SEC(".maps");
