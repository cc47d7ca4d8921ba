import CSeccomp
import Glibc

extension SystemCallFilter {
    /// Which system calls there are for an evaluator. Names that an architecture does not have are passed over.
    enum Calls {
        /// A call that is decided by one of its arguments.
        struct Rule {
            let name: String
            let condition: scmp_arg_cmp

            /// Decides by whether an argument, under a mask, has a value.
            init(_ name: String, argument: UInt32, mask: UInt64 = .max, is value: UInt64) {
                self.name = name
                condition = scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
            }
        }

        /// Memory, threads, clocks, reading, and writing to what is open: what loading and running a model takes.
        static let allowed = [
            // Memory
            "brk", "madvise", "mmap", "mprotect", "mremap", "munmap",
            // Threads and their signals
            "exit", "exit_group", "futex", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "getcpu",
            "membarrier", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
            "rt_sigtimedwait", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
            "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack",
            // Clocks and chance
            "clock_getres", "clock_gettime", "clock_nanosleep", "getrandom", "gettimeofday", "nanosleep", "time",
            // Who and where it is
            "getcwd", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrlimit", "getrusage",
            "gettid", "getuid", "sysinfo", "times", "uname",
            // Waiting for what is open
            "poll", "ppoll",
            // Files: Landlock says which ones
            "access", "close", "faccessat", "faccessat2", "fadvise64", "fstat", "fstatfs", "getdents", "getdents64",
            "lseek", "lstat", "newfstatat", "pread64", "preadv", "read", "readahead", "readlink", "readlinkat", "readv",
            "stat", "statfs", "statx", "write", "writev",
        ]

        /// Calls that reach the network, other processes, the kernel's own parts or new rights. Nothing that measures a
        /// model makes one, so one that is made is an attack, and the process ends at it.
        static let deadly = [
            // Sockets
            "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
            "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socket", "socketcall",
            "socketpair",
            // Other programs and processes
            "execve", "execveat", "fork", "kcmp", "kill", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
            "process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace",
            "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "vfork",
            // Mounts and namespaces
            "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree",
            "pivot_root", "setns", "umount", "umount2", "unshare",
            // Rights
            "add_key", "capset", "keyctl", "personality", "request_key", "setfsgid", "setfsuid", "setgid", "setgroups",
            "setregid", "setresgid", "setresuid", "setreuid", "setuid",
            // Files around their names
            "fanotify_init", "memfd_create", "memfd_secret", "mknod", "mknodat", "name_to_handle_at",
            "open_by_handle_at", "quotactl", "quotactl_fd",
            // Parts of the kernel with a history of holes
            "bpf", "io_setup", "io_submit", "io_uring_enter", "io_uring_register", "io_uring_setup", "perf_event_open",
            "userfaultfd", "vmsplice",
            // The machine itself
            "acct", "adjtimex", "clock_adjtime", "clock_settime", "delete_module", "finit_module", "init_module",
            "ioperm", "iopl", "kexec_file_load", "kexec_load", "lookup_dcookie", "modify_ldt", "reboot",
            "sethostname", "setdomainname", "settimeofday", "swapoff", "swapon", "syslog", "vhangup",
        ]

        private static let writing = UInt64(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)
        // From include/uapi/linux/sched.h. The flags of namespaces are those that clone knows: of mounts, control
        // groups, names, messages, users, processes and networks.
        private static let thread: UInt64 = 0x0001_0000
        private static let namespaces: UInt64 = 0x0002_0000 | 0x7e00_0000

        // From include/uapi: linux/prctl.h, and asm/prctl.h of x86.
        private static let setThreadName: UInt64 = 15
        private static let getThreadName: UInt64 = 16
        /// Asking for the matrix unit (AMX), without which the processor's best kernels do not run.
        private static let matrixUnit: ClosedRange<UInt64> = 0x1021...0x1023

        /// TCGETS of asm-generic/ioctls.h.
        private static let terminalSettings: UInt64 = 0x5401

        static let allowedIf =
            [
                // clone3 keeps its flags in memory, where no filter sees them; the C library goes back to clone.
                Rule("clone", argument: 0, mask: thread | namespaces, is: thread),
                Rule("open", argument: 1, mask: writing, is: 0),
                Rule("openat", argument: 2, mask: writing, is: 0),
                // Limits may be read, not set.
                Rule("prlimit64", argument: 2, is: 0),
                Rule("prctl", argument: 0, is: setThreadName), Rule("prctl", argument: 0, is: getThreadName),
                // Signals within this process, as abort sends one.
                Rule("tgkill", argument: 0, is: UInt64(getpid())),
                Rule("fcntl", argument: 1, is: UInt64(F_GETFD)), Rule("fcntl", argument: 1, is: UInt64(F_SETFD)),
                Rule("fcntl", argument: 1, is: UInt64(F_GETFL)),
                // Whether standard output is a terminal.
                Rule("ioctl", argument: 1, is: terminalSettings),
            ] + matrixUnit.map { Rule("arch_prctl", argument: 0, is: $0) }

        static let deadlyIf = [Rule("clone", argument: 0, mask: thread, is: 0)]
    }
}
