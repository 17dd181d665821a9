/* A listener between a virtual machine and its host (vsock(7)).
 *
 * Their numbers are no namespace's but the whole machine's, so the kernel chooses one. */
#include "odd.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <sys/socket.h>

void vsock(char **words) {
    (void)words;
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK,
        .svm_port = VMADDR_PORT_ANY,
        .svm_cid = VMADDR_CID_ANY,
    };
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT) lacks("AF_VSOCK");
    sure(fd, "socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) lacks("AF_VSOCK transport");
    sure(listen(fd, 128), "listen");
    socklen_t length = sizeof address;
    sure(getsockname(fd, (struct sockaddr *)&address, &length), "getsockname");
    printf("port %u\n", address.svm_port);
    hold();
}
