import HTTPTypes

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
