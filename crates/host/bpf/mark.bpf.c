// Marks each socket that the processes of a cgroup make: the service that asks for it is then known by its sockets, also where
// others bind them.
#include "marks.h"

// The digest that is put in before the program is loaded.
enum wanted {
	MARK_LOW = 1,
	MARK_HIGH = 2,
};

#define WANTED(what) ((__u64)(__u32)bpf_core_enum_value(enum wanted, what))

SEC("cgroup/sock_create")
int mark(struct bpf_sock *ctx)
{
	__u64 *mark = bpf_sk_storage_get(&marks, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (mark)
		*mark = WANTED(MARK_HIGH) << 32 | WANTED(MARK_LOW);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
