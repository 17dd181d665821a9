/* A listener that its process has mapped and closed: the mapping keeps it open (net/ipv4/tcp.c, tcp_mmap). */
#include "odd.h"

#include <sys/mman.h>
#include <unistd.h>

void mapped(char **words) {
    int fd = listener(words[0]);
    if (mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) {
        lacks("sockets that can be mapped");
    }
    close(fd);
    hold();
}
