/* Listeners in a BPF sockmap (Documentation/bpf/map_sockmap.rst).
 *
 * The map knows the socket and keeps no file open: it forgets a socket that is closed (net/core/sock_map.c,
 * sock_map_close), and nobody can accept with the map alone. */
#include "odd.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(enum bpf_cmd command, union bpf_attr *attributes) {
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int map_with(int fd) {
    union bpf_attr made = {.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
    int map = call(BPF_MAP_CREATE, &made);
    if (map < 0 && (errno == ENOSYS || errno == EINVAL)) lacks("BPF sockmap");
    sure(map, "BPF_MAP_CREATE");
    unsigned key = 0, value = (unsigned)fd;
    union bpf_attr put = {.map_fd = (unsigned)map, .key = (unsigned long)&key, .value = (unsigned long)&value};
    sure(call(BPF_MAP_UPDATE_ELEM, &put), "BPF_MAP_UPDATE_ELEM");
    return map;
}

void sockmap(char **words) {
    int fd = listener(words[0]);
    int map = map_with(fd);
    if (divide() == 0) {
        close(fd);
        settled();
    }
    close(map);
    hold();
}

void sockmap_closed(char **words) {
    int fd = listener(words[0]);
    map_with(fd);
    close(fd);
    hold();
}
