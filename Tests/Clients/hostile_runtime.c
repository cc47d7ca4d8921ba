/* In place of ONNX Runtime: what a model could do that took the runtime over.
 *
 * It reads orders from the staged model, one a line, carries them out, and tells what came of each in the evaluator's
 * own form. test_cage.py builds it, with the number of that form as PROTOCOL. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char report[16384];

static void tell(const char *order, const char *outcome) {
    size_t used = strlen(report);
    snprintf(report + used, sizeof report - used, "%s=%s;", order, outcome);
}

static const char *outcome_of(long result) { return result < 0 ? strerrorname_np(errno) : "done"; }

/* What a file holds, made fit for a line of JSON. */
static const char *content_of(const char *path) {
    static char text[256];
    int file = open(path, O_RDONLY);
    if (file < 0) return strerrorname_np(errno);
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count < 0) return strerrorname_np(errno);
    text[count] = 0;
    for (char *at = text; at < text + count; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\' || *at == ';' || *at == '=') *at = '_';
    return count ? text : "nothing";
}

static void flood(void) {
    char line[8192];
    memset(line, 'x', sizeof line);
    while (write(STDOUT_FILENO, line, sizeof line) > 0) continue;
}

static const char *carry_out(const char *verb, const char *object) {
    char *const arguments[] = {"true", NULL};
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    char other[64];
    if (!strcmp(verb, "read")) return content_of(object);
    if (!strcmp(verb, "read-parent")) {
        snprintf(other, sizeof other, "/proc/%d/%s", getppid(), object);
        return content_of(other);
    }
    if (!strcmp(verb, "variable")) return getenv(object) ? getenv(object) : "unset";
    if (!strcmp(verb, "list")) return opendir(object) ? "done" : strerrorname_np(errno);
    if (!strcmp(verb, "write")) return outcome_of(open(object, O_WRONLY));
    if (!strcmp(verb, "create")) return outcome_of(open(object, O_WRONLY | O_CREAT, 0600));
    if (!strcmp(verb, "remove")) return outcome_of(unlink(object));
    if (!strcmp(verb, "cut")) return outcome_of(truncate(object, 0));
    if (!strcmp(verb, "rename")) return outcome_of(rename(object, "x"));
    if (!strcmp(verb, "link")) return outcome_of(link(object, "x"));
    if (!strcmp(verb, "chmod")) return outcome_of(chmod(object, 0777));
    if (!strcmp(verb, "folder")) return outcome_of(mkdir(object, 0700));
    if (!strcmp(verb, "limits")) return outcome_of(setrlimit(RLIMIT_AS, &more));
    if (!strcmp(verb, "session")) return outcome_of(setsid());
    if (!strcmp(verb, "clone3")) {
        struct clone_args process = {.exit_signal = SIGCHLD};
        return outcome_of(syscall(SYS_clone3, &process, sizeof process));
    }
    if (!strcmp(verb, "signal-parent")) return outcome_of(syscall(SYS_tgkill, getppid(), getppid(), SIGTERM));
    if (!strcmp(verb, "socket")) return outcome_of(syscall(SYS_socket, 2, 1, 0));
    if (!strcmp(verb, "socketpair")) return outcome_of(syscall(SYS_socketpair, 1, 1, 0, (int[2]){0}));
    if (!strcmp(verb, "exec")) return outcome_of(execv("/bin/true", arguments));
    if (!strcmp(verb, "fork")) return outcome_of(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (!strcmp(verb, "trace")) return outcome_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    if (!strcmp(verb, "memory")) return outcome_of(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
    if (!strcmp(verb, "kill")) return outcome_of(kill(getppid(), SIGTERM));
    if (!strcmp(verb, "mount")) return outcome_of(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
    if (!strcmp(verb, "unshare")) return outcome_of(unshare(CLONE_NEWUSER));
    if (!strcmp(verb, "ring")) return outcome_of(syscall(SYS_io_uring_setup, 1, NULL));
    if (!strcmp(verb, "bpf")) return outcome_of(syscall(SYS_bpf, 0, NULL, 0));
    if (!strcmp(verb, "key")) return outcome_of(syscall(SYS_keyctl, 0, -3, 0));
    if (!strcmp(verb, "faults")) return outcome_of(syscall(SYS_userfaultfd, 0));
    if (!strcmp(verb, "handle")) return outcome_of(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
    if (!strcmp(verb, "anonymous")) return outcome_of(memfd_create("x", 0));
    if (!strcmp(verb, "flood")) flood();
    return "unknown";
}

const void *OrtGetApiBase(void) {
    static char orders[8192];
    int model = open("../model/model.onnx", O_RDONLY);
    if (model < 0 || read(model, orders, sizeof orders - 1) < 0) tell("orders", strerrorname_np(errno));
    char *rest = orders;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *object = line;
        char *verb = strsep(&object, " ");
        if (*verb) tell(verb, carry_out(verb, object ? object : ""));
    }
    dprintf(STDOUT_FILENO, "{\"protocol\":%d,\"type\":\"failure\",\"kind\":\"internal\",\"message\":\"%s\"}\n",
            PROTOCOL, report);
    _exit(0);
}
