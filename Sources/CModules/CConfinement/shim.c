#define _GNU_SOURCE
#include "CConfinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same numbers on every architecture.
#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446
#define CALL_CLOSE_RANGE 436

#define CREATE_RULESET_VERSION 1
#define RULE_PATH_BENEATH 1
// The rights that make sense for what is no folder: execute, write, read, truncate, ioctl of a device.
#define RIGHTS_OF_FILES ((1u << 0) | (1u << 1) | (1u << 2) | (1u << 14) | (1u << 15))

// struct landlock_ruleset_attr, which only grows: a kernel takes the first members that it knows.
struct rules {
    uint64_t file_rights;
    uint64_t port_rights;
    uint64_t scopes;
};

// struct landlock_path_beneath_attr.
struct path_rule {
    uint64_t rights;
    int32_t parent;
} __attribute__((packed));

int assay_landlock_version(void) {
    return (int)syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
}

int assay_landlock_rules(uint64_t file_rights, uint64_t port_rights, uint64_t scopes) {
    struct rules rules = {file_rights, port_rights, scopes};
    size_t size = scopes ? sizeof rules : port_rights ? offsetof(struct rules, scopes) : sizeof rules.file_rights;
    return (int)syscall(CALL_CREATE_RULESET, &rules, size, 0);
}

int assay_landlock_grant(int rules, const char *path, uint64_t file_rights) {
    int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent == -1) return -1;
    struct stat status;
    int result = fstat(parent, &status);
    if (result == 0) {
        struct path_rule rule = {S_ISDIR(status.st_mode) ? file_rights : file_rights & RIGHTS_OF_FILES, parent};
        result = (int)syscall(CALL_ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0);
    }
    int error = errno;
    close(parent);
    errno = error;
    return result;
}

int assay_landlock_restrict(int rules) {
    return (int)syscall(CALL_RESTRICT_SELF, rules, 0);
}

int assay_set_process_property(int property, unsigned long value) {
    return prctl(property, value, 0L, 0L, 0L);
}

int assay_drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

int assay_close_from(unsigned first) {
    return (int)syscall(CALL_CLOSE_RANGE, first, ~0u, 0);
}

int assay_has_environment(void) {
    return environ != NULL && environ[0] != NULL;
}
