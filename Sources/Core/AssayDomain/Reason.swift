/// Why somebody decided something: a text that is signed, logged and shown.
package enum Reason {
    package static let bytesMax = 1_000

    /// Throws `request-invalid` for a reason that says nothing, or too much; `decision` is what needs it: `a rollback`.
    package static func check(_ reason: String, of decision: String) throws(AssayError) {
        guard 1...bytesMax ~= reason.utf8.count else {
            throw AssayError(
                .requestInvalid, "\(decision) needs a reason of at most \(bytesMax) bytes",
                remedy: "say why: --reason TEXT")
        }
    }
}
