/// Whether a body that is kept in memory comes at the least pace: 1 KiB/s over any 30 seconds.
struct BodyPace {
    static let seconds = 30
    static let bytesPerSecondMin = 1024

    /// What came in each of the last seconds.
    private var arrived = [Int](repeating: 0, count: seconds)
    private var second = 0

    mutating func took(bytes: Int) { arrived[second % Self.seconds] += bytes }

    /// Another second is over; false if the last ones brought too little.
    mutating func tick() -> Bool {
        second += 1
        guard second >= Self.seconds else { return true }
        let sum = arrived.reduce(0, +)
        arrived[second % Self.seconds] = 0
        return sum >= Self.seconds * Self.bytesPerSecondMin
    }
}
