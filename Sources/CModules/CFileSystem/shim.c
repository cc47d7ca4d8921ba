#define _GNU_SOURCE
#include "CFileSystem.h"

#include <fcntl.h>
#include <sys/vfs.h>

int assay_set_direct(int descriptor, int is_direct) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags == -1) return -1;
    return fcntl(descriptor, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

long assay_file_system_type(const char *path) {
    struct statfs system;
    return statfs(path, &system) == -1 ? -1 : (long)system.f_type;
}
