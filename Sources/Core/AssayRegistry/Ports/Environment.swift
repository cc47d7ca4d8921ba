package import AssayDomain

/// The time of day.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// Names that nobody can guess and that never repeat.
package protocol IDGenerator: Sendable {
    func next() -> UInt64
}
