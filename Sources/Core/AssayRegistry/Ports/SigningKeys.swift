import AssayDomain

/// Where the registry keeps the key that it signs with.
///
/// A key is made beside the one in use, and takes its place only once the trust root names it. Whatever is lost in
/// between, the next start signs with a key that is trusted: the new one if the trust root names it, else the old one.
package protocol SigningKeys: Sendable {
    /// The id of the key that signs the registry's own log, which no other key can follow.
    var logKeyID: String { get }

    /// Makes the next key, durably, and gives its public half as PEM; nothing is signed with it yet. One that was made
    /// before and never taken into use is replaced. Throws `storage-failed`.
    func makeNext() async throws -> String

    /// Signs with the next key from now on, durably. Throws `storage-failed`; then the next start does it.
    func useNext() async throws
}
