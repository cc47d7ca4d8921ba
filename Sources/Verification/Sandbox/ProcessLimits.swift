import CConfinement
import EvaluationProtocol
import Glibc

/// The limits that the evaluator puts on its own process before it loads a library or opens a model.
enum ProcessLimits {
    /// Sets every limit of a job. None can be raised again: soft and hard limit are lowered together, but for a second
    /// of CPU time, because the kernel tells that limit apart from a plain kill only where the soft one comes first.
    static func apply(_ limits: EvaluationLimits) throws(EvaluationFailure) {
        try admitSignals()
        try lower(RLIMIT_CORE, to: 0, "core size")
        try lower(RLIMIT_CPU, to: limits.cpuSeconds, hard: limits.cpuSeconds + 1, "CPU time")
        try lower(RLIMIT_AS, to: limits.memoryBytes, "address space")
        try lower(RLIMIT_FSIZE, to: limits.fileBytes, "file size")
        try lower(RLIMIT_NOFILE, to: limits.openFiles, "open files")
        // The kernel counts all threads of the user here, and does not hold root to it.
        try lower(__RLIMIT_NPROC, to: limits.processes, "processes")
    }

    /// A limit ends the process by a signal, which a parent may have blocked or had ignored.
    private static func admitSignals() throws(EvaluationFailure) {
        for number in [SIGXCPU, SIGXFSZ, SIGSYS] {
            var plain = sigaction()  // The default for the signal, by its zero.
            guard sigaction(number, &plain, nil) == 0 else { throw .confining("the default of signal \(number)") }
        }
        var none = sigset_t()
        guard sigemptyset(&none) == 0, sigprocmask(SIG_SETMASK, &none, nil) == 0 else {
            throw .confining("the mask of signals")
        }
    }

    private static func lower(
        _ resource: __rlimit_resource, to value: Int, hard: Int? = nil, _ name: String
    ) throws(EvaluationFailure) {
        let resource = __rlimit_resource_t(resource.rawValue)
        var current = rlimit()
        guard getrlimit(resource, &current) == 0 else { throw .confining("the limit '\(name)'") }
        var lowered = rlimit(
            rlim_cur: min(rlim_t(value), current.rlim_max), rlim_max: min(rlim_t(hard ?? value), current.rlim_max))
        guard setrlimit(resource, &lowered) == 0 else { throw .confining("the limit '\(name)'") }
    }
}

/// The rights that the process gives up for good.
enum Privileges {
    // From the kernel's include/uapi/linux/prctl.h.
    private static let dumpable: Int32 = 4
    private static let noNewPrivileges: Int32 = 38

    static func giveUp() throws(EvaluationFailure) {
        guard assay_set_process_property(noNewPrivileges, 1) == 0 else { throw .confining("no new privileges") }
        guard assay_set_process_property(dumpable, 0) == 0 else { throw .confining("not dumpable") }
        guard assay_drop_capabilities() == 0 else { throw .confining("no capabilities") }
    }
}

extension EvaluationFailure {
    /// A part of the cage that the kernel has and that could not be closed; `errno` tells why.
    static func confining(_ part: String, errno code: Int32 = errno) -> EvaluationFailure {
        EvaluationFailure(
            .internal, "the cage is not closed, \(part) cannot be set: \(String(cString: strerror(code)))")
    }
}
