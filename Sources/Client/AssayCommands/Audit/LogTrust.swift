import APIProtocol
import AssayClient
import AssayCrypto
import AssayDomain

/// Whose checkpoints count.
struct LogTrust: Sendable {
    let keys: [Ed25519PublicKey]
    /// Whether the registry itself said so: then it is only as honest as the registry.
    let isOfRegistry: Bool

    /// The log keys of trust files, or those that the registry names where there are none. Throws `untrusted-key`.
    static func make(_ paths: [String], client: AssayClient) async throws -> LogTrust {
        try await make(paths.isEmpty ? nil : try TrustFiles.read(paths), client: client)
    }

    /// The log keys of a trust root, or those that the registry names where it names none. Throws `untrusted-key`.
    static func make(_ root: TrustRoot?, client: AssayClient) async throws -> LogTrust {
        if let keys = try root?.logKeys(at: .now), !keys.isEmpty { return LogTrust(keys: keys, isOfRegistry: false) }
        let keys = try TrustRoot(keys: try await client.keys().items).logKeys(at: .now)
        guard !keys.isEmpty else {
            throw AssayError(
                .untrustedKey, "neither the trust files nor the registry name a key of the log",
                remedy: "add --trust FILE with the log's public key")
        }
        return LogTrust(keys: keys, isOfRegistry: true)
    }

    /// What is said to people where the registry itself named the key.
    static let note = "the log's key was taken from the registry itself; name the one that you know with --trust FILE"
}
