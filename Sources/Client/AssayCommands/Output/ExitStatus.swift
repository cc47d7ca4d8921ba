package import AssayDomain

/// The numbers with which the program ends.
package enum ExitStatus {
    package static let done: Int32 = 0
    package static let usage: Int32 = 2
    /// Ended by a signal: 128 and its number, as shells have it.
    package static func signal(_ number: Int32) -> Int32 { 128 + number }

    /// The number of a kind of failure.
    package static func of(_ kind: ErrorCode.Kind) -> Int32 {
        switch kind {
        case .invalid, .usage: 2
        case .notFound: 3
        case .unauthenticated, .denied: 4
        case .conflict: 5
        case .integrity: 6
        case .refused, .tooLarge, .range: 7
        case .busy: 8
        case .storage: 9
        case .internal: 70
        }
    }
}

extension ErrorCode.Kind {
    /// The status of HTTP that says the same; it only fills a field of a problem document that no server made.
    var httpStatus: Int {
        switch self {
        case .invalid, .usage: 400
        case .notFound: 404
        case .unauthenticated: 401
        case .denied: 403
        case .conflict: 409
        case .integrity, .refused: 422
        case .tooLarge: 413
        case .range: 416
        case .busy: 429
        case .storage: 507
        case .internal: 500
        }
    }
}
