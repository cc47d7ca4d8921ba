import AssayDomain
import COpenSSL

/// Turns failures of OpenSSL into errors and leaves its per-thread error queue empty.
enum OpenSSLFailure {
    /// The largest number of queued errors that one reason lists.
    private static let reasonsMax = 4
    private static let reasonBytesMax = 256

    /// What OpenSSL queued on this thread, oldest first, as one text; nil if it queued nothing.
    static func drainReason() -> String? {
        var reasons: [String] = []
        var buffer = [CChar](repeating: 0, count: reasonBytesMax)
        while case let code = ERR_get_error(), code != 0 {
            guard reasons.count < reasonsMax else { continue }
            ERR_error_string_n(code, &buffer, buffer.count)
            let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            reasons.append(String(decoding: text, as: UTF8.self))
        }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    /// An error for a failed call of the library, with what the library says about it.
    static func error(
        _ message: String, call: String, code: ErrorCode = .internalError
    ) -> AssayError {
        let reason = drainReason().map { "\(call): \($0)" } ?? "\(call) failed"
        return AssayError(code, message, reason: reason)
    }
}
