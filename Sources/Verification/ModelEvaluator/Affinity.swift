import EvaluationProtocol
import Glibc

/// The CPUs that this process runs on. Threads that it starts later are kept on them too.
enum Affinity {
    // sched.h declares both for GNU sources alone, which is not how Glibc is imported.
    private typealias Call = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32

    /// Keeps the process on CPUs by their numbers. Throws `internal` unless it is on exactly these afterwards.
    static func keep(on numbers: [Int]) throws(EvaluationFailure) {
        var mask = [UInt8](repeating: 0, count: MemoryLayout<cpu_set_t>.size)
        for number in numbers { mask[number / 8] |= 1 << UInt8(number % 8) }
        guard try call("sched_setaffinity", &mask) == 0 else { throw failure(String(cString: strerror(errno))) }
        var reached = [UInt8](repeating: 0, count: mask.count)
        // The kernel drops CPUs that are not there or not allowed, and says nothing.
        guard try call("sched_getaffinity", &reached) >= 0, reached == mask else {
            throw failure("not all of them can be used")
        }
    }

    private static func call(_ name: String, _ mask: inout [UInt8]) throws(EvaluationFailure) -> Int32 {
        guard let symbol = dlsym(nil, name) else { throw failure("\(name) is missing") }
        let function = unsafeBitCast(symbol, to: Call.self)
        return mask.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { function(0, bytes.count, $0) } ?? -1
        }
    }

    private static func failure(_ reason: String) -> EvaluationFailure {
        EvaluationFailure(.internal, "the evaluator cannot be kept on its CPUs: \(reason)")
    }
}
