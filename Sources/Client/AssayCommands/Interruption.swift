import Dispatch
import Glibc

/// The work was ended by a signal.
struct Interrupted: Error {
    let signal: Int32
}

/// Ends work in an orderly way when the process gets SIGINT or SIGTERM.
///
/// The first signal cancels the work, which takes back what it must and keeps what a later try can use. A second one
/// ends the process at once. Dispatch delivers the signals, so no code of ours runs inside of a signal handler.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM]

    /// Does the work; throws `Interrupted` after a signal, once the work has ended.
    static func watching<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result
    {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        let sources = signals.map { source(of: $0, to: continuation) }
        defer {
            for source in sources { source.cancel() }
            for number in signals { signal(number, SIG_DFL) }
        }
        return try await withThrowingTaskGroup(of: Outcome<Result>.self) { group in
            group.addTask { .finished(try await work()) }
            group.addTask { .interrupted(await first(of: stream)) }
            let outcome = try await group.next()
            group.cancelAll()
            if case .finished(let result) = outcome { return result }
            // A second signal finds the stream at its end, and ends the process.
            continuation.finish()
            // What the cancelled work throws is no news.
            while await group.nextResult() != nil {}
            guard case .interrupted(let number?) = outcome else { throw CancellationError() }
            throw Interrupted(signal: number)
        }
    }

    private enum Outcome<Result: Sendable>: Sendable {
        case finished(Result)
        case interrupted(Int32?)
    }

    private static func first(of stream: AsyncStream<Int32>) async -> Int32? {
        for await number in stream { return number }
        return nil
    }

    private static func source(
        of number: Int32, to continuation: AsyncStream<Int32>.Continuation
    ) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if case .terminated = continuation.yield(number) { _exit(ExitStatus.signal(number)) }
        }
        source.resume()
        return source
    }
}
