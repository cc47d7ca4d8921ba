import EvaluationProtocol
import Glibc

/// The limits that the evaluator puts on its own process before it loads a library or opens a model.
enum ProcessLimits {
    /// Sets every limit of a job. None can be raised again: soft and hard limit are lowered together.
    static func apply(_ limits: EvaluationLimits) throws(EvaluationFailure) {
        try lower(RLIMIT_CORE, to: 0, "core size")
        try lower(RLIMIT_CPU, to: limits.cpuSeconds, "CPU time")
        try lower(RLIMIT_AS, to: limits.memoryBytes, "address space")
        try lower(RLIMIT_FSIZE, to: limits.fileBytes, "file size")
        try lower(RLIMIT_NOFILE, to: limits.openFiles, "open files")
        try set(noNewPrivileges, 1, "no new privileges")
        try set(dumpable, 0, "not dumpable")
    }

    private static func lower(
        _ resource: __rlimit_resource, to value: Int, _ name: String
    ) throws(EvaluationFailure) {
        let resource = __rlimit_resource_t(resource.rawValue)
        var current = rlimit()
        guard getrlimit(resource, &current) == 0 else { throw failure(name) }
        let bound = min(rlim_t(value), current.rlim_max)
        var lowered = rlimit(rlim_cur: bound, rlim_max: bound)
        guard setrlimit(resource, &lowered) == 0 else { throw failure(name) }
    }

    // From the kernel's include/uapi/linux/prctl.h.
    private static let dumpable: Int32 = 4
    private static let noNewPrivileges: Int32 = 38

    /// Calls prctl through its symbol: it is variadic in C, and Swift imports no variadic functions.
    private static func set(_ option: Int32, _ value: UInt, _ name: String) throws(EvaluationFailure) {
        typealias ProcessControl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
        guard let symbol = dlsym(nil, "prctl") else { throw failure(name) }
        let control = unsafeBitCast(symbol, to: ProcessControl.self)
        guard control(option, value, 0, 0, 0) == 0 else { throw failure(name) }
    }

    private static func failure(_ name: String) -> EvaluationFailure {
        EvaluationFailure(.internal, "the limit '\(name)' cannot be set: \(String(cString: strerror(errno)))")
    }
}
