import EvaluationProtocol
import Glibc

/// Ends this process once nobody reads its answer any more: a parent that was killed cannot end it.
enum ReaderWatch {
    /// Watches a pipe or socket by a thread that sleeps until then. Throws `internal` if there is no thread.
    static func start(over output: Int32) throws(EvaluationFailure) {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { context in
                var watched = pollfd(fd: Int32(Int(bitPattern: context)), events: 0, revents: 0)
                // Without events to wait for, only the other end's closing is told.
                while watched.revents == 0 { poll(&watched, 1, -1) }
                _exit(1)
            }, UnsafeMutableRawPointer(bitPattern: Int(output)))
        guard code == 0 else {
            throw EvaluationFailure(.internal, "no thread can be had: \(String(cString: strerror(code)))")
        }
    }
}
