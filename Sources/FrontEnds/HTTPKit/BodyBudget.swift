import AssayDomain
import Synchronization

/// The memory that bodies take which are in memory as a whole, all requests together.
///
/// What counts is what has arrived: who announces much and sends nothing takes nothing from others.
package final class BodyBudget: Sendable {
    /// The most that all of them have at a time.
    package static let bytesMax = 256 << 20
    /// When it is worth trying again, as the header `Retry-After` says it.
    static let retryAfterSeconds = "1"

    private let bytesMax: Int
    private let taken = Mutex(0)

    package init(bytesMax: Int = BodyBudget.bytesMax) { self.bytesMax = bytesMax }

    fileprivate func take(_ bytes: Int) throws(AssayError) {
        let fits = taken.withLock { taken in
            guard bytes <= bytesMax - taken else { return false }
            taken += bytes
            return true
        }
        guard fits else {
            throw AssayError(
                .tooManyBodies, "the server holds as much of requests as it may",
                reason: "all together \(bytesMax) bytes",
                remedy: "try again in a moment")
        }
    }

    fileprivate func giveBack(_ bytes: Int) { taken.withLock { $0 -= bytes } }

    /// What is taken now.
    var takenBytes: Int { taken.withLock { $0 } }
}

/// What one request has of the budget, until it is answered.
final class BodyShare: Sendable {
    private let budget: BodyBudget
    private let taken = Mutex(0)

    init(of budget: BodyBudget) { self.budget = budget }

    /// Throws `too-many-bodies`.
    func take(_ bytes: Int) throws(AssayError) {
        try budget.take(bytes)
        taken.withLock { $0 += bytes }
    }

    func giveBack() {
        let bytes = taken.withLock { taken in
            defer { taken = 0 }
            return taken
        }
        if bytes > 0 { budget.giveBack(bytes) }
    }
}
