import Foundation

/// What the kernel says of a process.
enum ProcessState {
    /// Whether a process does not run because of a signal that stopped it; false if it is gone.
    static func isStopped(_ process: pid_t) -> Bool {
        // A process that is gone, or that cannot be looked at, is not known to be stopped.
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return isStopped(status: status)
    }

    /// The state stands behind the name, which is in parentheses and may hold some of its own. Source: proc(5).
    static func isStopped(status: String) -> Bool {
        guard let end = status.lastIndex(of: ")") else { return false }
        return ["T", "t"].contains(status[end...].dropFirst(2).first)
    }
}
