package import AssayDomain

/// The time of day.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// A time that nobody sets: it starts as the time of day and goes on as time does, whatever becomes of that clock.
///
/// Leases and deadlines of work go by it. What it says means nothing to a later process.
package protocol SteadyClock: Sendable {
    func now() -> Timestamp
}

/// Names that nobody can guess and that never repeat.
package protocol IDGenerator: Sendable {
    func next() -> UInt64
}

/// Codes of messages that nobody can make who does not have the store's secret; they stay the same over restarts.
package protocol MessageCodes: Sendable {
    /// 32 bytes; equal for equal messages.
    func code(of message: [UInt8]) throws -> [UInt8]
}
