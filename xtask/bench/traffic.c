// Packets of UDP for figures about a packet filter: sends them, each as the first of a connection, or hears how long they come.

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EPHEMERAL_FIRST = 32768, EPHEMERAL_COUNT = 28000 };

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// Sends to `count` ports from `first` on, `step` apart, in turn and each time from another port: so many packets, or until the
// seconds are over, with so many nanoseconds between any two. Prints how many were sent, and the nanoseconds that it took.
static int send_to(const char *address, uint32_t first, uint32_t step, uint32_t count, uint64_t packets, double seconds,
                   int64_t gap) {
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    if (raw < 0) fail("socket");
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) fail("address");
    int64_t begin = now(), end = begin + (int64_t)(seconds * 1e9);
    uint64_t sent = 0;
    for (; sent < packets && now() < end; sent++) {
        while (gap && now() < begin + (int64_t)sent * gap) usleep(50);
        // Without a checksum, as RFC 768 allows.
        struct udphdr packet = {
            .source = htons((uint16_t)(EPHEMERAL_FIRST + sent % EPHEMERAL_COUNT)),
            .dest = htons((uint16_t)(first + step * (uint32_t)(sent * 7919 % count))),
            .len = htons(sizeof packet),
        };
        if (sendto(raw, &packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to) != sizeof packet) fail("sendto");
    }
    printf("%llu %lld\n", (unsigned long long)sent, (long long)(now() - begin));
    return 0;
}

// Hears what comes to a port for so long. Prints the nanoseconds between the first and the last packet.
static int hear(uint16_t port, double seconds) {
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0) fail("socket");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (bind(udp, (struct sockaddr *)&at, sizeof at)) fail("bind");
    struct timeval patience = {.tv_usec = 10000};
    if (setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience)) fail("setsockopt");
    int64_t end = now() + (int64_t)(seconds * 1e9), first = 0, last = 0;
    while (now() < end) {
        char byte;
        if (recv(udp, &byte, 1, 0) < 0) continue;
        last = now();
        if (!first) first = last;
    }
    if (!first) return fprintf(stderr, "nothing came to %u\n", port), 1;
    printf("%lld\n", (long long)(last - first));
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 9 && !strcmp(argv[1], "send"))
        return send_to(argv[2], (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]), (uint32_t)atoi(argv[5]),
                       strtoull(argv[6], NULL, 10), atof(argv[7]), atoll(argv[8]));
    if (argc == 4 && !strcmp(argv[1], "hear")) return hear((uint16_t)atoi(argv[2]), atof(argv[3]));
    fprintf(stderr, "usage: traffic send ADDRESS FIRST STEP COUNT PACKETS SECONDS GAP | hear PORT SECONDS\n");
    return 2;
}
