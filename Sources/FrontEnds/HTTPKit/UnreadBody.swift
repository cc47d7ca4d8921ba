import HTTPTypes
import NIOCore

/// What of a request's body is still to come, and whether it is worth reading once the request has its answer.
struct UnreadBody {
    /// What is read on for nothing after an answer, in bytes, so that the connection need not be made anew.
    static let worthReadingBytesMax: Int64 = 64 << 10

    private enum Rest {
        case nothing
        case bytes(Int64)
        /// Chunks, which end where they end.
        case untold
    }

    private var rest: Rest
    /// Whether its sender waits to be told to go on (RFC 9110, section 10.1.1), and may send nothing else.
    private var isAwaited: Bool

    /// No request, so no body.
    init() {
        rest = .nothing
        isAwaited = false
    }

    /// The body that a head announces.
    init(of head: HTTPRequest) {
        isAwaited = head.headerFields[.expect]?.lowercased() == "100-continue"
        if head.headerFields[.transferEncoding] != nil {
            rest = .untold
        } else if let length = head.headerFields[.contentLength] {
            rest = Int64(length).map { $0 == 0 ? .nothing : .bytes($0) } ?? .untold
        } else {
            rest = .nothing
        }
    }

    /// Whether nothing is still to come.
    var isWhole: Bool { if case .nothing = rest { true } else { false } }

    /// Whether the rest is read, so that the connection goes on behind it. Who waits to be told to go on need not send
    /// it at all, so what comes next from there could be either.
    var isWorthReading: Bool {
        switch rest {
        case .nothing: true
        case .bytes(let count): !isAwaited && count <= Self.worthReadingBytesMax
        case .untold: false
        }
    }

    /// A piece came in: whoever sends does not wait.
    mutating func took(bytes: Int) {
        isAwaited = false
        if case .bytes(let count) = rest { rest = .bytes(count - min(count, Int64(bytes))) }
    }

    /// It came to its end.
    mutating func end() { self = UnreadBody() }

    /// Whether its sender must be told to go on now that somebody wants it; it is told once.
    mutating func takeGoingOn() -> Bool {
        defer { isAwaited = false }
        return isAwaited && !isWhole
    }
}

/// What a connection has sent of bodies that nobody wanted, over all of its requests.
///
/// A small one costs less than a new connection, many of them do not: who only sends what is refused gets a new
/// connection now and then.
struct UnwantedBytes {
    static let bytesMax = 1 << 20

    /// What came of the body of each request that has no answer yet, the oldest first.
    private var waiting = CircularBuffer<Int>()
    private var isOldestWanted = false
    private var sum = 0

    mutating func begin() { waiting.append(0) }

    mutating func took(bytes: Int) {
        guard let newest = waiting.indices.last else {
            sum += bytes
            return
        }
        waiting[newest] += bytes
    }

    /// Somebody reads the body of the oldest request.
    mutating func want() { isOldestWanted = true }

    /// The oldest request has its answer.
    mutating func end() {
        let bytes = waiting.popFirst() ?? 0
        sum = isOldestWanted ? 0 : sum + bytes
        isOldestWanted = false
    }

    /// Whether the connection is worth keeping behind the answer to the oldest request.
    var areFew: Bool { isOldestWanted || sum + (waiting.first ?? 0) <= Self.bytesMax }
}
