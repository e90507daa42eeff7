/* Faults of disks and file systems, for LD_PRELOAD. What fails is said by the environment:
 *   FAULT_LOCKS=1           flock() says ENOLCK
 *   FAULT_FOLDER_SYNC=1     fsync() of a folder says EIO
 *   FAULT_READ=NAME         reading a file whose path ends so says EIO
 *   FAULT_SLOW=NAME         and takes 50 ms each time
 *   FAULT_WHEN=PATH         all that only while this path exists */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static const char* asked(const char* name) {
    const char* when = getenv("FAULT_WHEN");
    return when != NULL && access(when, F_OK) != 0 ? NULL : getenv(name);
}

static int is_file(int fd, const char* variable) {
    const char* end = asked(variable);
    char link[64], path[4096];
    if (end == NULL) {
        return 0;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, sizeof path - 1);
    const size_t wanted = strlen(end);
    return size >= (ssize_t)wanted && memcmp(path + size - wanted, end, wanted) == 0;
}

static int fails(int fd) {
    if (is_file(fd, "FAULT_SLOW")) {
        usleep(50000);
    }
    if (is_file(fd, "FAULT_READ")) {
        errno = EIO;
        return 1;
    }
    return 0;
}

int flock(int fd, int operation) {
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    if (asked("FAULT_LOCKS") != NULL) {
        errno = ENOLCK;
        return -1;
    }
    return next(fd, operation);
}

int fsync(int fd) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    struct stat status;
    if (asked("FAULT_FOLDER_SYNC") != NULL && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EIO;
        return -1;
    }
    return next(fd);
}

#define READER(name)                                                                  \
    ssize_t name(int fd, void* into, size_t size, off_t offset) {                     \
        ssize_t (*next)(int, void*, size_t, off_t) =                                  \
            (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, #name);           \
        return fails(fd) ? -1 : next(fd, into, size, offset);                         \
    }
READER(pread)
READER(pread64)

#define SENDER(name)                                                                  \
    ssize_t name(int to, int from, off_t* offset, size_t size) {                      \
        ssize_t (*next)(int, int, off_t*, size_t) =                                   \
            (ssize_t(*)(int, int, off_t*, size_t))dlsym(RTLD_NEXT, #name);            \
        return fails(from) ? -1 : next(to, from, offset, size);                       \
    }
SENDER(sendfile)
SENDER(sendfile64)
