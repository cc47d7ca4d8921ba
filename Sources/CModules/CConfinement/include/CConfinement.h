/// What a Linux process does to confine itself and the C library has no call for, or none that Swift can make.
///
/// All constants are those of the kernel's include/uapi: a system's own headers may be older than its kernel.
#pragma once

#include <stdint.h>

/// The version of Landlock that the kernel has; -1 with errno ENOSYS or EOPNOTSUPP where it has none.
int assay_landlock_version(void);

/// A new set of rules over rights to files and TCP ports, and over what it scopes; a descriptor, or -1 with errno.
int assay_landlock_rules(uint64_t file_rights, uint64_t port_rights, uint64_t scopes);

/// Grants rights to what a path names, and to all beneath it if that is a folder; 0, or -1 with errno.
int assay_landlock_grant(int rules, const char *path, uint64_t file_rights);

/// Puts the calling thread, and what it starts, under the rules for good; 0, or -1 with errno.
int assay_landlock_restrict(int rules);

/// Sets a property of the process by prctl(2), which is variadic; 0, or -1 with errno.
int assay_set_process_property(int property, unsigned long value);

/// Gives up every capability for good; 0, or -1 with errno.
int assay_drop_capabilities(void);

/// Closes every descriptor from one on; 0, or -1 with errno.
int assay_close_from(unsigned first);

/// Whether the process has an environment variable.
int assay_has_environment(void);
