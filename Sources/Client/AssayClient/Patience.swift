import AssayDomain
import NIOCore
import Synchronization

/// How long a server may keep a command waiting, and what is told meanwhile.
///
/// A server that says nothing, stops in the middle, or sends a byte now and then is left after `limit` without
/// progress: once in the middle of that time it is asked again.
package struct Patience: Sendable {
    /// What is waited for if nobody says otherwise.
    package static let standard = Duration.seconds(120)
    /// What may be asked for, in seconds.
    package static let secondsRange = 1...24 * 3600
    /// After how long somebody is told that there is no answer yet.
    private static let quiet = Duration.seconds(10)
    /// What fewer bytes than these in a second are no progress.
    static let bytesPerSecondMin: Int64 = 1 << 10

    let limit: Duration
    private let tell: @Sendable (String) -> Void
    private let waiting = Waiting()

    /// The requests that have no answer yet, by when they were sent.
    private final class Waiting: Sendable {
        let sent = Mutex<(next: Int, times: [Int: ContinuousClock.Instant])>((0, [:]))
    }

    package init(limit: Duration = standard, tell: @escaping @Sendable (String) -> Void = { _ in }) {
        self.limit = limit
        self.tell = tell
    }

    /// How long one try may go on without progress, so that there are two.
    var silence: Duration { limit / 2 }

    /// The same for the client of HTTP, in whole milliseconds.
    var silenceAmount: TimeAmount { .milliseconds(Self.milliseconds(silence)) }

    static func milliseconds(_ duration: Duration) -> Int64 {
        max(1, duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000)
    }

    /// Tells of a try that failed and is made again.
    func note(_ error: AssayError) {
        tell("\(error.message)\(error.reason.map { ": \($0)" } ?? ""); trying again")
    }

    /// Notes a request for as long as its answer has not begun.
    func awaiting<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async throws -> Result {
        let id = waiting.sent.withLock { sent in
            sent.next += 1
            sent.times[sent.next] = .now
            return sent.next
        }
        defer { waiting.sent.withLock { _ = $0.times.removeValue(forKey: id) } }
        return try await body()
    }

    /// Tells once of every wait that is long, until it is cancelled.
    func watch(_ place: String) async throws {
        var told: Set<Int> = []
        while true {
            try await Task.sleep(for: .seconds(1))
            let late = waiting.sent.withLock { sent in
                sent.times.filter { ContinuousClock.now - $0.value >= Self.quiet }.map(\.key)
            }
            // One line for all that began to wait since the last one.
            if !Set(late).isSubset(of: told), told.isDisjoint(with: late) {
                tell("no answer from \(place) for \(Self.quiet.components.seconds) s; waiting")
            }
            told = Set(late)
        }
    }
}

/// Whether bytes come fast enough to be called progress.
struct Pace {
    private let window: Duration
    private var start = ContinuousClock.now
    private var bytes: Int64 = 0

    init(_ patience: Patience) { window = patience.silence }

    /// Counts bytes that came; throws `server-unreachable` where a whole window brought next to none.
    mutating func took(_ count: Int, from endpoint: Endpoint) throws(AssayError) {
        bytes += Int64(count)
        let time = ContinuousClock.now - start
        guard time >= window else { return }
        guard bytes >= Patience.bytesPerSecondMin * Patience.milliseconds(time) / 1000 else {
            throw AssayError(
                .serverUnreachable, "\(endpoint.shown) sends next to nothing",
                reason: "\(bytes) bytes came in \(time.components.seconds) s",
                remedy: "try again later, or wait longer with --timeout")
        }
        start = .now
        bytes = 0
    }
}

/// Counts what has been handed to the requests of an upload.
final class UploadPulse: Sendable {
    private let state = Mutex<(beats: Int, reached: Int64)>((0, 0))

    var value: Int { state.withLock(\.beats) }
    /// The furthest position that was handed over. The server may have less of it, which it tells when it is asked.
    var reached: Int64 { state.withLock(\.reached) }

    func beat(at position: Int64) {
        state.withLock { state in
            state.beats += 1
            state.reached = max(state.reached, position)
        }
    }
}
