// How long a bind takes: binds one socket after the other to a port of 127.0.0.1, and prints the nanoseconds of one in the middle of
// all, how many were bound, and how many were refused. A port of 0 lets the kernel choose, as for a client.

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nanoseconds.h"

int main(int count_of_words, char **words) {
    if (count_of_words != 3) {
        fprintf(stderr, "usage: bind PORT COUNT\n");
        return 2;
    }
    uint16_t port = (uint16_t)atoi(words[1]);
    size_t count = (size_t)atol(words[2]), bound = 0, refused = 0;
    int64_t *times = calloc(count ? count : 1, sizeof(*times));
    if (!times || !count) return 2;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t turn = 0; turn < count; turn++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) {
            perror("socket");
            return 1;
        }
        int64_t begin = now();
        int answer = bind(fd, (struct sockaddr *)&at, sizeof(at));
        times[turn] = now() - begin;
        if (!answer) {
            bound++;
        } else if (errno == EPERM) {
            refused++;
        } else {
            perror("bind");
            return 1;
        }
        close(fd);
    }
    qsort(times, count, sizeof(*times), by_size);
    printf("%lld %zu %zu\n", (long long)times[count / 2], bound, refused);
    return 0;
}
