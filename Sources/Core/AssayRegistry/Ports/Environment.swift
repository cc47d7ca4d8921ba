package import AssayDomain

/// The time of day.
package protocol WallClock: Sendable {
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
