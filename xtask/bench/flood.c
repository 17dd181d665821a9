// SYN packets of TCP for figures about what is done with those that reach nobody: to any port, from one address or from any.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct frame {
    struct ether_header ether;
    struct iphdr ip;
    struct tcphdr tcp;
} __attribute__((packed));

// What the checksum of TCP is about beside its header (RFC 9293 3.1).
struct pseudo {
    uint32_t from, to;
    uint16_t protocol, length;
    struct tcphdr tcp;
} __attribute__((packed));

enum { SENT_BETWEEN_LOOKS = 256 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint16_t checksum(const void *bytes, size_t length) {
    uint32_t sum = 0;
    for (size_t at = 0; at < length; at += 2) {
        uint16_t word;
        memcpy(&word, (const char *)bytes + at, 2);
        sum += word;
    }
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

// SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014): no address comes more often than by chance.
static uint64_t next(uint64_t *state) {
    uint64_t number = *state += 0x9e3779b97f4a7c15;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
    number = (number ^ number >> 27) * 0x94d049bb133111eb;
    return number ^ number >> 31;
}

// An address of the whole net but for networks of eight bits in which some have a meaning of their own (RFC 6890).
static uint32_t anybody(uint64_t *state) {
    for (;;) {
        uint32_t address = (uint32_t)next(state), top = address >> 24;
        if (top > 0 && top < 224 && top != 10 && top != 100 && top != 127 && top != 169 && top != 172 && top != 192)
            return htonl(address);
    }
}

// Waits for the moment of the packet with this number, where so many are to be sent in a second.
static void wait_for(uint64_t number, double begin, double rate) {
    for (;;) {
        double left = begin + number / rate - now();
        if (left <= 0) return;
        // Who sleeps for less wakes up too late.
        if (left > 0.001) usleep((useconds_t)((left - 0.001) * 1e6));
    }
}

// DEVICE MAC ADDRESS SECONDS one|any [RATE]: prints how many were sent in a second; without RATE as many as can be.
int main(int count, char **words) {
    if (count != 6 && count != 7) return 2;
    double rate = count == 7 ? atof(words[6]) : 0;
    struct frame frame = {.ether.ether_type = htons(ETHERTYPE_IP)};
    unsigned char *mac = frame.ether.ether_dhost;
    if (sscanf(words[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6) return 2;
    frame.ip = (struct iphdr){.version = 4, .ihl = 5, .tot_len = htons(40), .ttl = 64, .protocol = IPPROTO_TCP};
    frame.ip.daddr = inet_addr(words[3]);
    frame.tcp = (struct tcphdr){.doff = 5, .syn = 1, .window = htons(1024), .source = htons(40000)};
    int is_any = strcmp(words[5], "any") == 0;
    int raw = socket(AF_PACKET, SOCK_RAW, 0);
    if (raw < 0) fail("socket");
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(words[1]), .sll_halen = 6};
    uint32_t one = inet_addr("203.0.113.7");
    uint64_t sent = 0, state = 1;
    double begin = now(), end = begin + atof(words[4]);
    for (; (!rate && sent % SENT_BETWEEN_LOOKS) || now() < end; sent++) {
        if (rate) wait_for(sent, begin, rate);
        frame.ip.saddr = is_any ? anybody(&state) : one;
        frame.ip.check = 0;
        frame.ip.check = checksum(&frame.ip, sizeof frame.ip);
        // 22 is somebody's.
        frame.tcp.dest = htons((uint16_t)(1024 + next(&state) % 60000));
        frame.tcp.check = 0;
        struct pseudo pseudo = {.from = frame.ip.saddr, .to = frame.ip.daddr, .protocol = htons(IPPROTO_TCP), .length = htons(20), .tcp = frame.tcp};
        frame.tcp.check = checksum(&pseudo, sizeof pseudo);
        if (sendto(raw, &frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to) < 0) fail("sendto");
    }
    printf("%.0f\n", sent / (now() - begin));
    return 0;
}
