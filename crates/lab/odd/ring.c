/* A listener that only io_uring's registered files hold (io_uring_register(2), IORING_REGISTER_FILES). */
#include "odd.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The place of the socket among the registered files. */
enum { PLACE = 0, ENTRIES = 1 };

struct ring {
    int fd;
    unsigned char *submitted, *completed;
    struct io_uring_sqe *entries;
    struct io_uring_params at;
};

static unsigned char *map(const struct ring *ring, size_t length, off_t what) {
    void *place = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, what);
    if (place == MAP_FAILED) give_up("mmap of the ring");
    return place;
}

static struct ring set_up(void) {
    struct ring ring = {0};
    ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.at);
    if (ring.fd < 0 && (errno == ENOSYS || errno == EPERM)) lacks("io_uring");
    sure(ring.fd, "io_uring_setup");
    size_t submitted = ring.at.sq_off.array + ring.at.sq_entries * sizeof(unsigned);
    size_t completed = ring.at.cq_off.cqes + ring.at.cq_entries * sizeof(struct io_uring_cqe);
    ring.submitted = map(&ring, submitted, IORING_OFF_SQ_RING);
    ring.completed = map(&ring, completed, IORING_OFF_CQ_RING);
    ring.entries = (void *)map(&ring, ring.at.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
    return ring;
}

/* What accept(2) of the registered file gives: it needs no descriptor of the listener. */
static int accept_through(struct ring *ring) {
    unsigned *tail = (void *)(ring->submitted + ring->at.sq_off.tail);
    unsigned *array = (void *)(ring->submitted + ring->at.sq_off.array);
    memset(ring->entries, 0, sizeof *ring->entries);
    ring->entries[0].opcode = IORING_OP_ACCEPT;
    ring->entries[0].flags = IOSQE_FIXED_FILE;
    ring->entries[0].fd = PLACE;
    array[0] = 0;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    sure((int)syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), "io_uring_enter");
    const struct io_uring_cqe *done = (void *)(ring->completed + ring->at.cq_off.cqes);
    errno = done[0].res < 0 ? -done[0].res : 0;
    return done[0].res;
}

void ring(char **words) {
    struct ring ring = set_up();
    int fd = listener(words[0]);
    sure((int)syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1), "IORING_REGISTER_FILES");
    close(fd);
    /* Not only is the socket alive: whoever has the ring can accept on it, so that process is its holder. */
    int near = sure(caller(words[0]), "connect to the registered listener");
    close(sure(accept_through(&ring), "accept through the ring"));
    close(near);
    hold();
}
