import AssayDomain
import AssayRegistry
import Foundation

/// The system's time of day.
struct SystemClock: WallClock {
    func now() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}

/// The machine's monotonic clock, counted from the time of day at which this was made.
struct UptimeClock: SteadyClock {
    private let begin = SystemClock().now()
    private let start = ContinuousClock.now

    func now() -> Timestamp {
        Timestamp(milliseconds: begin.milliseconds + (ContinuousClock.now - start).milliseconds)
    }
}

/// What a path names; a symbolic link is seen as such.
struct FileStatus {
    let type: FileAttributeType
    /// Who may do what with it, as `chmod` has it.
    let permissions: Int

    /// Nil if there is nothing, or nothing that may be looked at.
    init?(of path: String) {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let type = attributes[.type] as? FileAttributeType
        else { return nil }
        self.type = type
        permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
    }
}

/// Names from the kernel's randomness.
struct RandomIDGenerator: IDGenerator {
    func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
