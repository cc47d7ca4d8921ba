/// Linux file system calls that the C library's Swift module does not show.
#pragma once

/// Sends a file's writes past the page cache (1) or through it (0). 0, or -1 with errno where the file system cannot.
int assay_set_direct(int descriptor, int is_direct);

/// The magic number of the file system that a path lies on, as statfs(2) gives it; -1 with errno on failure.
long assay_file_system_type(const char *path);
