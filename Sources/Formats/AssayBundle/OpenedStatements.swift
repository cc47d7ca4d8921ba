import AssayCrypto
import AssayDomain
import AssayRegistry
import Synchronization

/// Statements whose signatures were checked lately: a promotion looks at all that there are about a version, and most
/// of them are those that the last one looked at.
///
/// What an envelope says under some keys depends on its bytes and on the keys alone, and both are the name of an entry;
/// so nothing here can be out of date. Bytes are still read and hashed by whoever asks.
final class OpenedStatements: Sendable {
    /// The most bytes of envelopes that are stood for; then all is forgotten.
    private static let bytesMax = 32 << 20

    private struct Name: Hashable {
        let envelope: Digest
        let trusted: [TrustedKey]
    }

    private struct State {
        var statements: [Name: VerifiedStatement] = [:]
        var bytes = 0
    }

    private let state = Mutex(State())

    /// The statement of an envelope under keys, opened by `open` if it is not known. Throws what that throws, and keeps
    /// nothing then.
    func statement(
        in envelope: [UInt8], trusted: [TrustedKey], _ open: () throws -> VerifiedStatement
    ) throws -> VerifiedStatement {
        let name = Name(envelope: Digest.sha256(of: envelope), trusted: trusted)
        if let known = state.withLock({ $0.statements[name] }) { return known }
        let statement = try open()
        state.withLock { state in
            if state.bytes + envelope.count > Self.bytesMax { state = State() }
            if state.statements.updateValue(statement, forKey: name) == nil { state.bytes += envelope.count }
        }
        return statement
    }
}
