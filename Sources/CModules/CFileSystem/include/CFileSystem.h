/// Linux file system calls that the C library's Swift module does not show.
#pragma once

#include <stddef.h>
#include <sys/types.h>

/// Sends a file's writes past the page cache (1) or through it (0). 0, or -1 with errno where the file system cannot.
int assay_set_direct(int descriptor, int is_direct);

/// The magic number of the file system that a path lies on, as statfs(2) gives it; -1 with errno on failure.
long assay_file_system_type(const char *path);

/// Opens a file without waiting for a disk; -1 with errno EAGAIN if the kernel would have to read one for it.
int assay_open_cached(const char *path, int flags);

/// Reads what the page cache holds of a file's part, without waiting for a disk; -1 with EAGAIN if it holds nothing.
ssize_t assay_read_cached(int descriptor, void *bytes, size_t count, off_t offset);

/// Renames a file to a name that must be free; -1 with errno EEXIST if it is not.
int assay_rename_new(const char *from, const char *to);

/// Flushes everything of the file system that an open file lies on; -1 with errno if any of it could not be written.
int assay_flush_file_system(int descriptor);
