import AssayDomain

/// How often, and after what pauses, work is tried again that failed for a reason that may pass.
package struct RetryPolicy: Sendable {
    /// The most tries in a row that bring the work no further.
    package let attemptsMax: Int
    /// The most tries all together, so that work which crawls ends too.
    package let attemptsTotalMax: Int
    private let firstPause: Duration
    private let pauseMax: Duration
    /// How long work may come no further, and who is told of tries.
    let patience: Patience
    private let sleep: @Sendable (Duration) async throws -> Void
    private let clock: @Sendable () -> ContinuousClock.Instant

    /// Pauses double from try to try; `sleep` can be replaced where no time shall pass.
    package init(
        attemptsMax: Int = 6, attemptsTotalMax: Int = 100, firstPause: Duration = .milliseconds(100),
        pauseMax: Duration = .seconds(3), patience: Patience = Patience(),
        sleep: @escaping @Sendable (Duration) async throws -> Void = { duration in
            try await Task.sleep(for: duration)
        },
        clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.attemptsMax = attemptsMax
        self.attemptsTotalMax = attemptsTotalMax
        self.firstPause = firstPause
        self.pauseMax = pauseMax
        self.patience = patience
        self.sleep = sleep
        self.clock = clock
    }

    /// Does work until it succeeds, fails for good, or has used up its tries.
    ///
    /// `position` tells how far the work is: where it has grown since the last failure, the count starts anew, and so
    /// does the time that is waited. What is tried again after some time is told.
    package func run<Result>(
        position: () -> Int64 = { 0 }, isolation: isolated (any Actor)? = #isolation,
        _ work: () async throws -> Result
    ) async throws -> Result {
        var failures = 0
        var reached = position()
        var since = clock()
        var told = since
        for _ in 1..<attemptsTotalMax {
            do {
                return try await work()
            } catch let error as AssayError where error.code.isWorthRetrying {
                let now = clock()
                let hasGrown = position() > reached
                failures = hasGrown ? 1 : failures + 1
                if hasGrown { since = now }
                reached = position()
                guard failures < attemptsMax, hasGrown || now - since < patience.limit else { throw error }
                if now - told >= Self.quiet {
                    patience.note(error)
                    told = now
                }
                try await sleep(pause(after: failures))
            }
        }
        return try await work()
    }

    /// What fails sooner than that, and works the next time, is no news.
    private static let quiet = Duration.milliseconds(400)

    private func pause(after failures: Int) -> Duration {
        min(pauseMax, firstPause * (1 << min(failures - 1, 16)))
    }
}

extension ErrorCode {
    /// Whether the same request may succeed soon: a full or failing disk, a server that failed, and a certificate that
    /// is not accepted do not pass by themselves.
    var isWorthRetrying: Bool { kind == .busy && self != .serverFailed && self != .tlsFailed }
}
